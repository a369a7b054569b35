"""Sizes from headers: what Pillow sees, because vLLM reads pictures with Pillow."""

import base64
import struct
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.tokens.headers import STEPS_MAX, Header, read_header
from gateway.tokens.images import read_image, shown_size
from gateway.tokens.orientation import is_turned
from gateway.tokens.payload import Payload
from gateway.tokens.types import PromptRejected
from tests.tokens.pictures import data_url, encoded, pillow_size, png, png_chunk, webp

XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="%d"/></x:xmpmeta>'
KINDS = [
    ("PNG", {}),
    ("PNG", {"mode": "P"}),
    ("JPEG", {}),
    ("JPEG", {"progressive": True, "mode": "L"}),
    ("JPEG", {"mode": "CMYK", "icc_profile": bytes(200_000)}),
    ("WEBP", {}),
    ("WEBP", {"lossless": True}),
    ("WEBP", {"mode": "RGBA"}),
    ("GIF", {"mode": "P"}),
    ("GIF", {"mode": "P", "comment": b"c" * 700}),
]


def header_of(content: bytes) -> Header:
    return read_header(Payload(data_url(content), "here"))


def refusal(content: bytes) -> str:
    with pytest.raises(PromptRejected) as caught:
        header_of(content)
    assert (caught.value.param, caught.value.code) == ("here", "invalid_image")
    return caught.value.message


@pytest.mark.parametrize(("kind", "options"), KINDS)
@pytest.mark.parametrize("size", [(1, 1), (57, 33), (640, 480), (300, 2000)])
def test_every_format_in_every_variant(kind: str, options: dict, size: tuple[int, int]) -> None:
    content = encoded(kind, *size, **options)

    assert header_of(content) == Header(*size)
    assert pillow_size(content, exif_transpose=False) == size


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("turn", [None, 1, 2, 3, 4, 5, 6, 7, 8])
@pytest.mark.parametrize("exif_transpose", [True, False])
def test_a_camera_held_sideways(kind: str, turn: int | None, exif_transpose: bool) -> None:
    content = encoded(kind, 640, 480, turn=turn)

    shown = shown_size(header_of(content), exif_transpose=exif_transpose)

    assert shown == pillow_size(content, exif_transpose=exif_transpose)
    assert shown == ((480, 640) if exif_transpose and turn in {5, 6, 7, 8} else (640, 480))


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
@pytest.mark.parametrize(
    ("exif", "xmp", "turned"), [(None, 6, True), (None, 3, False), (1, 6, False), (8, 1, True)]
)
def test_xmp_is_asked_when_exif_does_not_say(kind: str, exif: int | None, xmp: int, turned: bool) -> None:
    content = encoded(kind, 64, 48, turn=exif, xmp=XMP % xmp)

    assert header_of(content).turned is turned
    assert (pillow_size(content, exif_transpose=True) == (48, 64)) is turned


def test_a_png_says_so_in_xmp_too() -> None:
    note = png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP % 6)
    other = png_chunk(b"iTXt", b"Comment\0\0\0\0\0" + XMP % 6)

    assert header_of(png(64, 48, note)).turned
    assert not header_of(png(64, 48, other)).turned


def test_a_png_with_a_large_colour_profile() -> None:
    assert header_of(png(64, 48, png_chunk(b"iCCP", bytes(300_000)))) == Header(64, 48)
    assert header_of(png(64, 48, png_chunk(b"iTXt", bytes(300_000)))) == Header(64, 48)


def test_notes_after_the_frame_header_of_a_jpeg_count() -> None:
    plain, turned = encoded("JPEG", 64, 48), encoded("JPEG", 64, 48, turn=6)
    notes = turned[turned.index(b"\xff\xe1") :]
    notes = notes[: 2 + int.from_bytes(notes[2:4], "big")]
    scan = plain.index(b"\xff\xda")
    content = plain[:scan] + notes + plain[scan:]

    assert header_of(content) == Header(64, 48, turned=True)
    assert pillow_size(content, exif_transpose=True) == (48, 64)


def test_a_jpeg_with_padding_rubbish_and_other_notes_between_its_segments() -> None:
    content = encoded("JPEG", 64, 48, turn=6)
    again = b"\xff\xe1" + struct.pack(">H", 2) + b"\xff\xe1" + struct.pack(">H", 8) + b"Exif\0\0"
    mixed = content[:2] + b"\xff\xff\xff\xd0rub\xff\0bish" + content[2:-2] + b""
    end = mixed.index(b"\xff\xda")

    assert header_of(mixed[:end] + again + mixed[end:]) == Header(64, 48, turned=True)


def test_a_gif_frame_larger_than_its_screen() -> None:
    content = bytearray(encoded("GIF", 30, 20, mode="P"))
    content[6:10] = struct.pack("<HH", 1, 100)

    assert header_of(bytes(content)) == Header(30, 100)
    assert pillow_size(bytes(content), exif_transpose=False) == (30, 100)


def test_a_gif_without_a_palette_and_with_rubbish_before_its_frame() -> None:
    frame = b"," + struct.pack("<HHHH", 0, 0, 7, 9) + b"\0"
    assert header_of(b"GIF87a" + struct.pack("<HH", 7, 9) + b"\0\0\0" + b"\0" + frame) == Header(7, 9)


def test_an_animation_has_its_canvas() -> None:
    from PIL import Image

    frames = {"save_all": True, "append_images": [Image.new("RGB", (64, 48), "red")]}
    assert header_of(encoded("WEBP", 64, 48, **frames)) == Header(64, 48)
    assert header_of(encoded("GIF", 64, 48, **frames)) == Header(64, 48)


@settings(max_examples=60)
@given(
    st.sampled_from(KINDS[:-1]),
    st.tuples(st.integers(1, 90), st.integers(1, 90)),
    st.integers(1, 8) | st.none(),
)
def test_random_pictures(kind: tuple[str, dict], size: tuple[int, int], turn: int | None) -> None:
    content = encoded(kind[0], *size, turn=turn if kind[0] != "GIF" else None, **kind[1])
    header = header_of(content)

    for exif_transpose in (True, False):
        expected = pillow_size(content, exif_transpose=exif_transpose)
        assert shown_size(header, exif_transpose=exif_transpose) == expected


class TestPayload:
    PICTURE = encoded("JPEG", 200, 100, turn=6, icc_profile=bytes(5000))

    def test_line_breaks_and_blanks_are_dropped(self) -> None:
        lines = "\r\n ".join(textwrap.wrap(base64.b64encode(self.PICTURE).decode(), 76))
        assert read_image("data:image/jpeg;base64,\n" + lines, "here") == Header(200, 100, turned=True)

    def test_padding_may_be_missing(self) -> None:
        for extra in range(3):
            content = png(5, 6) + bytes(extra)
            for cut in (
                len(content),
                33 + 8 + extra,
            ):  # a small one too, that ends in the bytes that are read
                text = base64.b64encode(content[:cut]).decode().rstrip("=")
                assert read_image(f"data:image/png;base64,{text}", "here") == Header(5, 6)

    def test_names_are_not_case_sensitive_and_have_parameters(self) -> None:
        text = base64.b64encode(png(5, 6)).decode()
        assert read_image(f"DATA:image/png;charset=x;BASE64,{text}", "here") == Header(5, 6)

    @pytest.mark.parametrize(
        ("url", "why"),
        [
            ("data:image/png," + "x" * 40, "must be base64"),
            ("data:image/png;base64", "must be base64"),
            ("data:" + "x" * 5000 + ";base64,AAAA", "must be base64"),
            ("data:image/png;base64,", "cut off"),
            ("data:image/png;base64,_-_-" + "A" * 40, "base64 is broken"),
            ("data:image/png;base64,%2B%2B" + "A" * 40, "base64 is broken"),
            ("data:image/png;base64,AAAA==" + "A" * 40, "base64 is broken"),
            ("data:image/png;base64,AAAAA", "base64 is broken"),
            ("data:image/png;base64,\u00e9" + "A" * 40, "base64 is broken"),
            (data_url(b"BM" + bytes(60)), "no PNG, JPEG, WebP or GIF"),
        ],
    )
    def test_what_is_no_base64_picture(self, url: str, why: str) -> None:
        with pytest.raises(PromptRejected, match=why) as caught:
            read_image(url, "messages[0].content[1].image_url")
        assert caught.value.param == "messages[0].content[1].image_url"


class TestHeadersThatContradictThemselves:
    def test_png(self) -> None:
        second = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 1000, 1000, 8, 2, 0, 0, 0))
        assert "two PNG headers" in refusal(png(1, 1, second))
        assert "PNG header is broken" in refusal(png(1, 1).replace(b"IHDR", b"tEXt", 1))
        assert "too many chunks" in refusal(png(1, 1, png_chunk(b"tEXt", b"") * STEPS_MAX))

    def test_jpeg(self) -> None:
        assert "too many segments" in refusal(b"\xff\xd8" + b"\xff" * (STEPS_MAX + 10))
        assert "too many segments" in refusal(b"\xff\xd8" + b"\xff\xe0\0\0" * (STEPS_MAX + 10))

    def test_webp(self) -> None:
        assert "broken" in refusal(webp(b"VP8 ", bytes(20)))
        assert "broken" in refusal(webp(b"VP8L", bytes(20)))
        assert "broken" in refusal(webp(b"ALPH", bytes(20)))
        notes = webp(b"VP8X", b"\x08" + bytes(9)) + b"JUNK\0\0\0\0" * (STEPS_MAX + 10)
        endless = notes[:4] + struct.pack("<I", len(notes)) + notes[8:]
        assert "too many chunks" in refusal(endless)

    def test_gif(self) -> None:
        start = b"GIF89a" + struct.pack("<HH", 1, 1) + b"\0\0\0"
        assert "without a picture" in refusal(start + b";")
        assert "too many blocks" in refusal(start + b"!\xfe" + b"\1x" * STEPS_MAX)


@pytest.mark.parametrize(("kind", "options"), [*KINDS[:4], *KINDS[5:9]])
def test_cut_anywhere_it_is_read_or_refused(kind: str, options: dict) -> None:
    content = encoded(kind, 33, 44, turn=6 if kind != "GIF" else None, **options)
    for end in range(min(len(content), 1500)):
        outcome = header_or_code(content[:end])
        if isinstance(outcome, Header):
            outcome = (outcome.width, outcome.height)
        assert outcome in {"invalid_image", (33, 44)}


def header_or_code(content: bytes) -> Header | tuple[int, int] | str:
    try:
        return header_of(content)
    except PromptRejected as refused:
        return refused.code


@settings(max_examples=300)
@given(
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"\xff\xd8\xff", b"RIFF....WEBPVP8X", b"GIF89a"]),
    st.binary(),
)
def test_rubbish_is_read_or_refused(start: bytes, rest: bytes) -> None:
    outcome = header_or_code(start + rest)
    assert isinstance(outcome, Header) or outcome == "invalid_image"


@settings(max_examples=300)
@given(
    st.sampled_from([b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"Exif\0\0II*\0"]), st.binary(), st.binary()
)
def test_rubbish_notes_are_forgiven(start: bytes, rest: bytes, xmp: bytes) -> None:
    assert isinstance(is_turned(start + rest, xmp), bool)


@pytest.mark.parametrize(
    ("tiff", "turned"),
    [
        (b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0", True),
        (b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x04\0\0\0\x01\0\0\0\x06", True),
        (b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x07\0\0\0\x01\0\0\0\x06", False),  # a type that is no number
        (b"II*\0\x08\0\0\0\x02\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0", True),  # the second entry is cut off
        (b"XX*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0", False),
        (b"II*\0", False),
    ],
)
def test_tiff_entries(tiff: bytes, turned: bool) -> None:
    assert is_turned(tiff, b"") is turned
