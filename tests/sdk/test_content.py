"""Pictures: from a path, bytes, a PIL image or a URL."""

import base64
import io
from pathlib import Path
from typing import Any

import pytest
import tollway
from PIL import Image


def encoded(kind: str) -> bytes:
    held = io.BytesIO()
    Image.new("RGB", (3, 2), "red").save(held, kind)
    return held.getvalue()


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif", "webp"])
def test_bytes_and_files_say_what_they_are(kind: str, tmp_path: Path) -> None:
    data = encoded(kind)
    expected = {
        "type": "image_url",
        "image_url": {"url": f"data:image/{kind};base64,{base64.b64encode(data).decode()}"},
    }
    assert tollway.image(data) == expected
    file = tmp_path / "a picture"
    file.write_bytes(data)
    assert tollway.image(file) == tollway.image(str(file)) == expected


def test_a_pil_image_is_sent_as_png() -> None:
    picture = Image.new("RGB", (3, 2), "red")
    url: Any = tollway.image(picture, detail="low")["image_url"]
    assert url["detail"] == "low"
    sent = base64.b64decode(url["url"].removeprefix("data:image/png;base64,"))
    assert Image.open(io.BytesIO(sent)).tobytes() == picture.tobytes()


@pytest.mark.parametrize(
    "url", ["https://example.org/a.png", "http://example.org/a.png", "data:image/png;base64,AA=="]
)
def test_a_url_stays_as_it_is(url: str) -> None:
    assert tollway.image(url) == {"type": "image_url", "image_url": {"url": url}}


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7", b"RIFF1234WAVE"])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="PNG, JPEG, GIF or WebP"):
        tollway.image(data)


def test_a_file_that_is_not_there_is_an_oserror(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        tollway.image(tmp_path / "nowhere.png")


def test_messages() -> None:
    assert tollway.user("Hello") == {"role": "user", "content": "Hello"}
    picture = tollway.image(encoded("png"))
    assert tollway.user("What is it?", picture) == {
        "role": "user",
        "content": [{"type": "text", "text": "What is it?"}, picture],
    }
