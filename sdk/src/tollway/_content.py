"""Messages with pictures."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

_KINDS = ((b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpeg"), (b"GIF8", "gif"))
_URLS = ("http://", "https://", "data:")


class PilImage(Protocol):
    """What of a `PIL.Image.Image` is needed; pillow itself is not."""

    def save(self, fp: io.BytesIO, format: str) -> None: ...  # noqa: A002 - pillow's name


ImageSource = str | os.PathLike[str] | bytes | PilImage


def image(source: ImageSource, *, detail: str | None = None) -> dict[str, Any]:
    """A picture as a part of a message: from a path, bytes (PNG, JPEG, GIF, WebP), a PIL image, or a URL.

    A text that begins with `http://`, `https://` or `data:` is a URL, every other one a path.  Pictures are not made
    smaller: one of Magistral's takes at most 3,080 tokens (`client.estimate` says how many).

    Raises:
        OSError: the file cannot be read.
        ValueError: the bytes are no picture of a kind that models take.

    Example: `tollway.user("What does the sign say?", tollway.image("sign.png"))`
    """
    url: dict[str, Any] = {"url": _url(source)}
    if detail is not None:
        url["detail"] = detail
    return {"type": "image_url", "image_url": url}


def user(*parts: str | Mapping[str, Any]) -> dict[str, Any]:
    """A user's message of texts and pictures, in this order.

    Example: `tollway.user("Compare:", tollway.image(before), tollway.image(after))`
    """
    if len(parts) == 1 and isinstance(parts[0], str):
        return {"role": "user", "content": parts[0]}
    content = [{"type": "text", "text": part} if isinstance(part, str) else dict(part) for part in parts]
    return {"role": "user", "content": content}


def _url(source: ImageSource) -> str:
    if isinstance(source, str) and source.startswith(_URLS):
        return source
    if isinstance(source, str | os.PathLike):
        return _data_url(Path(source).read_bytes(), str(source))
    if isinstance(source, bytes):
        return _data_url(source, "the bytes")
    held = io.BytesIO()
    source.save(held, "PNG")
    return _data_url(held.getvalue(), "the picture")


def _data_url(data: bytes, what: str) -> str:
    kind = next((name for magic, name in _KINDS if data.startswith(magic)), "")
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        kind = "webp"
    if not kind:
        raise ValueError(
            f"{what} is no PNG, JPEG, GIF or WebP picture; convert it first, with pillow for one"
        )
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
