"""What the hub says on the terminal while it works."""

import logging

HTTP = ("httpx", "httpx2", "httpcore", "httpcore2")
"""The libraries under the Hub's client and Gradio's: each would have a line for every request."""


def speak() -> None:
    """Show what the hub logs, in its own words alone."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for name in HTTP:
        logging.getLogger(name).setLevel(logging.WARNING)
