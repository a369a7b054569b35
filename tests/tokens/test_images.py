"""The formula, the schemes, and hostile pictures: all in bounded time."""

import base64
import json
import time
from pathlib import Path

import pytest

from gateway.tokens.images import (
    MAGISTRAL_IMAGES,
    ImageRule,
    bound_image,
    count_image,
    image_grid,
    image_tokens,
    read_image,
)
from gateway.tokens.types import PromptRejected
from tests.tokens.pictures import data_url, encoded, png

SIZES = json.loads((Path(__file__).parent / "vectors.json").read_text("utf-8"))["image_sizes"]["rows"]
WHERE = "messages[0].content[0].image_url"


@pytest.mark.parametrize(("width", "height", "tokens"), SIZES)
def test_published_sizes(width: int, height: int, tokens: int) -> None:
    assert image_tokens(width, height) == tokens


@pytest.mark.parametrize(
    ("size", "grid", "tokens"),
    [
        ((1, 1), (1, 1), 2),
        ((28, 28), (1, 1), 2),
        ((29, 29), (2, 2), 6),
        ((640, 480), (23, 18), 432),
        ((1540, 1540), (55, 55), 3080),
        ((10_000, 10_000), (55, 55), 3080),
        ((3024, 4032), (42, 55), 2365),
        ((10_000, 100), (55, 1), 56),
        ((100, 10_000), (1, 55), 110),
    ],
)
def test_the_documented_table(size: tuple[int, int], grid: tuple[int, int], tokens: int) -> None:
    assert image_grid(*size) == grid
    assert image_tokens(*size) == tokens
    assert tokens <= MAGISTRAL_IMAGES.tokens_max == 3080


def test_another_encoder() -> None:
    pixtral = ImageRule(patch=16, merge=1, longest=1024)
    assert image_tokens(1024, 512, pixtral) == 65 * 32
    assert pixtral.tokens_max == 65 * 64


@pytest.mark.parametrize("url", ["https://example.com/a.png", "HTTP://example.com/a.png", "http://10.0.0.1/"])
def test_links_are_held_at_the_most_and_never_fetched(url: str) -> None:
    assert count_image(url, WHERE) is None
    assert bound_image(url, WHERE) == 3080


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://x/y",
        "http:x",
        "/tmp/x.png",
        "",
        "iVBORw0KGgo=",
        "javascript:1",
        "a" * 9000 + ":x",
    ],
)
def test_other_schemes_are_refused(url: str) -> None:
    with pytest.raises(PromptRejected, match="data: URL") as caught:
        read_image(url, WHERE)
    assert caught.value.param == WHERE


def test_a_turned_photo_is_counted_as_the_worker_turns_it_and_held_at_the_dearer() -> None:
    wide, tall = data_url(encoded("JPEG", 640, 480, turn=6)), data_url(encoded("JPEG", 480, 640, turn=8))

    assert [count_image(url, WHERE) for url in (wide, tall)] == [437, 432]
    assert [count_image(url, WHERE, exif_transpose=False) for url in (wide, tall)] == [432, 437]
    assert [bound_image(url, WHERE) for url in (wide, tall)] == [437, 437]
    assert bound_image(data_url(encoded("JPEG", 640, 480)), WHERE) == 432


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (0, 0), (1, 100_000), (10_001, 1), (2**31, 2**31)])
def test_impossible_sizes_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(PromptRejected, match="between 1 and 10000 pixels") as caught:
        bound_image(data_url(png(*size)), WHERE)
    assert (caught.value.param, caught.value.code) == (WHERE, "invalid_image")


class TestHostile:
    """Each within a second, though none should take a tenth of it."""

    def refused(self, url: str) -> str:
        start = time.perf_counter()
        with pytest.raises(PromptRejected) as caught:
            bound_image(url, WHERE)
        assert time.perf_counter() - start < 1
        assert len(caught.value.message) < 300, "a refusal repeats no payload"
        return caught.value.message

    def test_five_megabytes_of_rubbish(self) -> None:
        assert "no PNG" in self.refused("data:image/png;base64," + "QUJD" * 1_250_000)
        assert "base64 is broken" in self.refused("data:image/png;base64," + "!?" * 2_500_000)
        assert "cut off" in self.refused("data:image/png;base64," + " " * 5_000_000)

    def test_segments_without_end(self) -> None:
        exif = b"\xff\xe1\xff\xff" + b"Exif\0\0" + bytes(65_527)
        assert "cut off" in self.refused(data_url(b"\xff\xd8" + exif * 160, "image/jpeg"))
        assert "too many" in self.refused(data_url(b"\xff\xd8" + b"\xff\xfe\0\2" * 1_000_000, "image/jpeg"))
        assert "too many" in self.refused(
            data_url(b"GIF89a" + bytes(7) + b"!\xfe\1x" * 1_000_000, "image/gif")
        )

    def test_a_header_beyond_any_picture(self) -> None:
        far = (25_000_000).to_bytes(4, "big") + b"zTXt" + bytes(26_000_000)
        assert "cut off" in self.refused(data_url(png(1, 1, far)))

    def test_a_png_bomb_costs_its_header(self) -> None:
        bomb = data_url(png(10_000, 10_000))
        start = time.perf_counter()

        assert bound_image(bomb, WHERE) == count_image(bomb, WHERE) == 3080
        assert time.perf_counter() - start < 1

    def test_ten_megabytes_are_read_in_the_time_of_one(self) -> None:
        """Only the front of a picture is decoded."""
        picture = png(800, 600) + bytes(10_000_000)
        url = "data:image/png;base64," + base64.b64encode(picture).decode()
        start = time.perf_counter()

        for _ in range(100):
            assert bound_image(url, WHERE) == 660
        assert time.perf_counter() - start < 1
