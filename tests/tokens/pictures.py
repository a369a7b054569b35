"""Pictures for the tests: real ones by Pillow, and headers written by hand where Pillow would not write them."""

import base64
import io
import struct
import zlib
from typing import Any

from PIL import Image, ImageOps


def data_url(content: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def encoded(
    kind: str, width: int, height: int, *, turn: int | None = None, mode: str = "RGB", **options: Any
) -> bytes:
    """`turn` is the camera's note, EXIF's orientation 1 to 8."""
    out = io.BytesIO()
    if turn is not None:
        exif = Image.Exif()
        exif[0x010F] = "Maker"
        exif[0x0112] = turn
        options["exif"] = exif.tobytes()
    Image.new(mode, (width, height)).save(out, kind, **options)
    return out.getvalue()


def pillow_size(content: bytes, *, exif_transpose: bool) -> tuple[int, int]:
    """What vLLM sees (it turns pictures), or mistral_common (it does not)."""
    with Image.open(io.BytesIO(content)) as picture:
        return ImageOps.exif_transpose(picture).size if exif_transpose else picture.size


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, *before_pixels: bytes) -> bytes:
    """As small as a PNG of any size can be: its pixels are not there."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(before_pixels) + png_chunk(b"IDAT", zlib.compress(b""))


def webp(kind: bytes, fields: bytes) -> bytes:
    body = b"WEBP" + kind + struct.pack("<I", len(fields)) + fields
    return b"RIFF" + struct.pack("<I", len(body)) + body
