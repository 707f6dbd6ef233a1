"""SVG to pixels, and pixels to image files."""

import io

from PIL import Image

from training.errors import TrainingError


def rasterise(svg: str, size: int) -> Image.Image:
    """Draw an SVG in the middle of a white RGB square of `size` pixels. Raises TrainingError."""
    try:
        import resvg_py
    except ImportError as error:
        raise TrainingError("Drawing SVG needs the `resvg-py` package: pip install 'generative-hub[train]'.") from error
    try:
        # Drawn to fit, no fonts of this machine: the same pixels everywhere.
        drawn = resvg_py.svg_to_bytes(svg_string=svg, width=size, height=size, skip_system_fonts=True)
    except ValueError as error:
        raise TrainingError(f"An SVG could not be drawn ({error}).") from error
    canvas = Image.new("RGB", (size, size), "white")
    with Image.open(io.BytesIO(drawn)) as image:
        picture = image.convert("RGBA")
    canvas.paste(picture, ((size - picture.width) // 2, (size - picture.height) // 2), picture)
    return canvas


def png(image: Image.Image) -> bytes:
    """A PNG file of an image."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def webp(image: Image.Image) -> bytes:
    """A lossless WebP file of an image: of flat colours with soft edges, two thirds of a PNG."""
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", lossless=True, quality=80, method=2)
    return buffer.getvalue()
