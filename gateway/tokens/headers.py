"""A picture's size, as Pillow (vLLM's reader) would see it, from the first bytes of PNG, JPEG, WebP and GIF.

Written against hostile input: each walk is bounded by `STEPS_MAX` and each read by what `Payload` allows; where a
file could tell one size here and another to a worker (a second IHDR, a GIF frame larger than its screen), the worker's
reading counts or the file is refused.
"""

import msgspec

from gateway.tokens.orientation import is_turned
from gateway.tokens.payload import Payload

STEPS_MAX = 4096
"""Segments or chunks before the pixels.  Real files have tens; a colour profile in pieces, up to 255."""

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_SMALL_MAX = 65_536
"""A chunk of notes is read up to here; a larger one is skipped."""
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})
"""JPEG markers without a length: TEM, RST0-7, SOI."""
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG's frame headers, of every coding; C4, C8 and CC are tables and an extension."""
_XMP = b"http://ns.adobe.com/xap/1.0/\0"


class Header(msgspec.Struct, frozen=True):
    """`turned`: the camera was held sideways, so that a reader who honours EXIF swaps width and height."""

    width: int
    height: int
    turned: bool = False


def read_header(payload: Payload) -> Header:
    """Raises PromptRejected: another format, or a header that is cut or contradicts itself."""
    magic = payload.read(0, 12)
    if magic.startswith(_PNG):
        return _png(payload)
    if magic.startswith(b"\xff\xd8\xff"):
        return _jpeg(payload)
    if magic.startswith(b"RIFF") and magic.endswith(b"WEBP"):
        return _webp(payload)
    if magic.startswith((b"GIF87a", b"GIF89a")):
        return _gif(payload)
    raise payload.rejected("it is no PNG, JPEG, WebP or GIF")


def _png(payload: Payload) -> Header:
    """IHDR first, as the standard says, and once; notes are looked at until the pixels begin."""
    if payload.read(8, 8) != b"\0\0\0\rIHDR":
        raise payload.rejected("its PNG header is broken")
    fields = payload.read(16, 8)
    width, height = _big(fields[:4]), _big(fields[4:])
    exif = xmp = b""
    at = 33
    for _ in range(STEPS_MAX):
        head = payload.read(at, 8)
        length, kind = _big(head[:4]), head[4:]
        if kind in {b"IDAT", b"fdAT", b"IEND"}:
            return Header(width, height, is_turned(exif, xmp))
        if kind == b"IHDR":
            raise payload.rejected("it has two PNG headers")
        if kind in {b"eXIf", b"iTXt"} and length <= _PNG_SMALL_MAX:
            note = payload.read(at + 8, length)
            exif = note if kind == b"eXIf" else exif
            xmp = note if note.startswith(b"XML:com.adobe.xmp\0") else xmp
        at += length + 12
    raise payload.rejected("it has too many chunks before its pixels")


def _jpeg(payload: Payload) -> Header:
    """The frame header, and the camera's notes, which may stand on either side of it until the scan begins."""
    width = height = 0
    exif = xmp = b""
    at = 2
    for _ in range(STEPS_MAX):
        lead, marker = payload.read(at, 2)
        if lead != 0xFF or marker in {0x00, 0xFF}:
            at += 1  # rubbish or padding between segments: readers skip it
            continue
        at += 2
        if marker in _STANDALONE:
            continue
        if marker == 0xDA:
            return Header(width, height, is_turned(exif, xmp))
        length = _big(payload.read(at, 2))
        if marker in _SOF:
            fields = payload.read(at + 3, 4)
            height, width = _big(fields[:2]), _big(fields[2:])
        elif marker == 0xE1 and length > 2:
            notes = payload.read(at + 2, length - 2)
            exif = exif or (notes if notes.startswith(b"Exif\0\0") else b"")
            xmp = notes if notes.startswith(_XMP) else xmp
        at += max(length, 2)
    raise payload.rejected("it has too many segments before its pixels")


def _webp(payload: Payload) -> Header:
    kind = payload.read(12, 4)
    if kind == b"VP8 ":
        start, fields = payload.read(23, 3), payload.read(26, 4)
        if start != b"\x9d\x01\x2a":
            raise payload.rejected("its WebP header is broken")
        return Header(_little(fields[:2]) & 0x3FFF, _little(fields[2:]) & 0x3FFF)
    if kind == b"VP8L":
        fields = payload.read(20, 5)
        if fields[0] != 0x2F:
            raise payload.rejected("its WebP header is broken")
        sizes = _little(fields[1:])
        return Header((sizes & 0x3FFF) + 1, (sizes >> 14 & 0x3FFF) + 1)
    if kind == b"VP8X":
        fields = payload.read(20, 10)
        turned = is_turned(*_webp_notes(payload, fields[0]))
        return Header(_little(fields[4:7]) + 1, _little(fields[7:]) + 1, turned)
    raise payload.rejected("its WebP header is broken")


def _webp_notes(payload: Payload, flags: int) -> tuple[bytes, bytes]:
    """EXIF and XMP of an extended WebP stand behind its pixels; the flags say whether to look (bits 3 and 2)."""
    wanted = {kind for kind, bit in ((b"EXIF", 0x08), (b"XMP ", 0x04)) if flags & bit}
    found: dict[bytes, bytes] = {}
    end = _little(payload.read(4, 4)) + 8
    at = 30
    for _ in range(STEPS_MAX):
        if found.keys() == wanted or at + 8 > end:
            return found.get(b"EXIF", b""), found.get(b"XMP ", b"")
        head = payload.read(at, 8)
        kind, length = head[:4], _little(head[4:])
        if kind in wanted:
            found.setdefault(kind, payload.read(at + 8, length))
        at += 8 + length + length % 2
    raise payload.rejected("it has too many chunks")


def _gif(payload: Payload) -> Header:
    """The screen, or the first frame where that is larger: Pillow grows the picture to hold it."""
    fields = payload.read(6, 5)
    width, height, flags = _little(fields[:2]), _little(fields[2:4]), fields[4]
    at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    in_extension = False
    for _ in range(STEPS_MAX):
        kind = payload.read(at, 1)
        if in_extension:  # a chain of blocks, each with its length in front, the last one empty
            in_extension = kind != b"\0"
            at += 1 + kind[0]
        elif kind == b",":
            frame = payload.read(at + 1, 8)
            left, top, across, down = (_little(frame[i : i + 2]) for i in range(0, 8, 2))
            return Header(max(width, left + across), max(height, top + down))
        elif kind == b";":
            raise payload.rejected("it is a GIF without a picture")
        else:
            in_extension = kind == b"!"
            at += 2 if in_extension else 1
    raise payload.rejected("it has too many blocks before its pixels")


def _big(field: bytes) -> int:
    return int.from_bytes(field, "big")


def _little(field: bytes) -> int:
    return int.from_bytes(field, "little")
