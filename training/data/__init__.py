"""Data sets: pinned sources, one builder each, one Parquet file each; and readers for the user's own images."""
