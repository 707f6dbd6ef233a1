"""Runs bundles: sessions, the choice of provider and precision, models by id. Knows arrays, no tasks and no pages."""
