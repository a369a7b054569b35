"""The bytes of a `data:` URL, decoded from the front and only as far as somebody reads.

Base64 is the standard alphabet; line breaks and blanks, which some encoders put in, are dropped.  The URL-safe
alphabet is refused: no worker decodes it, and Python's lenient decoder would silently see another picture.
"""

import binascii

from gateway.tokens.types import PromptRejected

HEADER_BYTES_MAX = 20 * 1024 * 1024
"""How far a header may reach: Mistral takes no picture above 20 MB (MISTRAL.md section 4)."""
_FIRST_READ_CHARS = 1024
"""768 bytes: enough for a PNG, a GIF, a plain WebP and most JPEGs without a camera's notes."""
_BLANKS = b" \t\r\n\f"
_LABEL_CHARS_MAX = 1024
"""`data:image/png;base64,` is 22 characters; a media type with parameters stays far below this."""


class Payload:
    """Reads raise PromptRejected, with `where` as the place: bad base64, or fewer bytes than a header needs."""

    def __init__(self, url: str, where: str) -> None:
        label, comma, _ = url[:_LABEL_CHARS_MAX].partition(",")
        if not comma or not label.lower().endswith(";base64"):
            raise PromptRejected(
                "an image's data: URL must be base64: data:image/png;base64,…", where, "invalid_image"
            )
        self._url = url
        self._where = where
        self._next = len(label) + 1
        self._rest = b""
        self._bytes = bytearray()

    def read(self, start: int, length: int) -> bytes:
        end = start + length
        while len(self._bytes) < end and self._next < len(self._url) and end <= HEADER_BYTES_MAX:
            self._decode(max(_FIRST_READ_CHARS, (end - len(self._bytes)) * 4 // 3))
        if len(self._bytes) < end:
            raise self.rejected("its header is cut off")
        return bytes(self._bytes[start:end])

    def rejected(self, why: str) -> PromptRejected:
        return PromptRejected(f"the image cannot be measured: {why}", self._where, "invalid_image")

    def _decode(self, chars: int) -> None:
        piece = self._url[self._next : self._next + chars]
        self._next += len(piece)
        try:
            text = self._rest + piece.encode("ascii").translate(None, _BLANKS)
            if self._next < len(self._url):
                whole = len(text) // 4 * 4
                text, self._rest = text[:whole], text[whole:]
            else:
                text += b"=" * (-len(text) % 4)  # the end may come without its padding
            self._bytes += binascii.a2b_base64(text, strict_mode=True)
        except (binascii.Error, UnicodeEncodeError) as error:
            raise self.rejected("its base64 is broken") from error
