"""What a picture costs: its size from the header alone, then Magistral's formula.  No pixel is ever decoded.

Links (http, https) are never fetched: fetching what clients name is how a gateway is made to read its own network.
Other schemes are refused; mistral_common itself would read `file:` from the server's disk.
"""

import msgspec

from gateway.tokens.headers import Header, read_header
from gateway.tokens.payload import Payload
from gateway.tokens.types import PromptRejected

SIDE_PX_MAX = 10_000
"""Mistral's documented limit: a picture above 10000x10000 is an error (MISTRAL.md section 4)."""

_SCHEME_CHARS_MAX = 32
"""Where to stop looking for a scheme: a payload of megabytes must not be searched for a colon."""


class ImageRule(msgspec.Struct, frozen=True):
    """How a vision encoder cuts a picture: the defaults are Magistral Small 1.2's (MISTRAL.md section 4)."""

    patch: int = 14
    merge: int = 2
    longest: int = 1540

    @property
    def cell_px(self) -> int:
        return self.patch * self.merge

    @property
    def tokens_max(self) -> int:
        """Of a square as large as any picture is made: 55 x 55 cells, a break per row and an end are 3,080."""
        cells = (self.longest - 1) // self.cell_px + 1
        return (cells + 1) * cells


MAGISTRAL_IMAGES = ImageRule()


def image_grid(width: int, height: int, rule: ImageRule = MAGISTRAL_IMAGES) -> tuple[int, int]:
    """Columns and rows of cells, after the longer side is brought down to `rule.longest`; nothing is made larger.

    The floats and Python's `round` are the encoder's own: integers would differ by a cell on some sizes.
    """
    ratio = max(height / rule.longest, width / rule.longest)
    if ratio > 1:
        width = max(round(width / ratio), 1)
        height = max(round(height / ratio), 1)
    return (width - 1) // rule.cell_px + 1, (height - 1) // rule.cell_px + 1


def image_tokens(width: int, height: int, rule: ImageRule = MAGISTRAL_IMAGES) -> int:
    """One per cell, and after each row a break, which for the last row is the end."""
    columns, rows = image_grid(width, height, rule)
    return (columns + 1) * rows


def read_image(url: str, where: str) -> Header | None:
    """The size of a picture in a `data:` URL; None for a link, whose size nobody here knows.

    Raises:
        PromptRejected: another scheme, bad base64, no PNG, JPEG, WebP or GIF, a cut header, an impossible size.
    """
    scheme, _, rest = url[:_SCHEME_CHARS_MAX].partition(":")
    match scheme.lower():
        case "http" | "https" if rest.startswith("//"):
            return None
        case "data":
            header = read_header(Payload(url, where))
        case _:
            raise PromptRejected("an image is a data: URL with base64, or an http(s) link", where)
    if not 0 < min(header.width, header.height) <= max(header.width, header.height) <= SIDE_PX_MAX:
        raise PromptRejected(
            f"the image says it is {header.width}x{header.height};"
            f" each side must be between 1 and {SIDE_PX_MAX} pixels",
            where,
            "invalid_image",
        )
    return header


def shown_size(header: Header, *, exif_transpose: bool) -> tuple[int, int]:
    """Width and height as a worker sees them: vLLM turns a photo as its camera says, llama.cpp does not."""
    if exif_transpose and header.turned:
        return header.height, header.width
    return header.width, header.height


def count_image(
    url: str, where: str, rule: ImageRule = MAGISTRAL_IMAGES, *, exif_transpose: bool = True
) -> int | None:
    """Exact tokens of a picture; None for a link.  Raises PromptRejected as `read_image` does."""
    header = read_image(url, where)
    if header is None:
        return None
    return image_tokens(*shown_size(header, exif_transpose=exif_transpose), rule)


def bound_image(url: str, where: str, rule: ImageRule = MAGISTRAL_IMAGES) -> int:
    """The most that any worker counts: exact but for a turned photo, where workers differ, and for a link."""
    header = read_image(url, where)
    if header is None:
        return rule.tokens_max
    tokens = image_tokens(header.width, header.height, rule)
    return max(tokens, image_tokens(header.height, header.width, rule)) if header.turned else tokens
