"""Which way a photo was held, from the camera's notes: EXIF's tag 274, or else XMP's `tiff:Orientation`.

The order and the leniency are Pillow's, because vLLM turns pictures with it (MISTRAL.md section 4): notes that cannot
be read mean that nothing is turned.
"""

import re
from typing import Literal

_ORIENTATION = 274
_TIFF_HEADER_BYTES = 8
_TURNED = frozenset({5, 6, 7, 8})
"""EXIF 2.32, tag 274: the four of its eight values whose rows are the picture's columns."""
_WIDTHS = {1: 1, 3: 2, 4: 4}
"""TIFF's BYTE, SHORT and LONG, in bytes; the standard says SHORT."""
_XMP_ORIENTATION = re.compile(rb'tiff:Orientation(?:="|>)([0-9])')


def is_turned(exif: bytes, xmp: bytes) -> bool:
    value = _exif_orientation(exif.removeprefix(b"Exif\0\0"))
    if value is None:
        found = _XMP_ORIENTATION.search(xmp)
        value = int(found[1]) if found else 1
    return value in _TURNED


def _exif_orientation(tiff: bytes) -> int | None:
    """The last entry of the first directory that says so; None if there is none, or no sense in it."""
    order: Literal["little", "big"]
    if len(tiff) < _TIFF_HEADER_BYTES or tiff[:4] not in {b"II*\0", b"MM\0*"}:
        return None
    order = "little" if tiff.startswith(b"II") else "big"

    def number(start: int, length: int) -> int:
        return int.from_bytes(tiff[start : start + length], order)

    directory = number(4, 4)
    orientation = None
    for at in range(directory + 2, directory + 2 + 12 * number(directory, 2), 12):
        if at + 12 > len(tiff):
            break
        if number(at, 2) == _ORIENTATION:
            orientation = number(at + 8, _WIDTHS.get(number(at + 2, 2), 0))
    return orientation
