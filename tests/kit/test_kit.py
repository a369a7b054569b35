"""Clock, ids, server-sent events and the log."""

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from gateway.kit import log, sse
from gateway.kit.clock import from_rfc3339, rfc3339
from gateway.kit.ids import new_id, uuid7_hex


@given(st.integers(0, 253_402_300_799_999_999))
def test_instants_survive_the_round_trip(instant_us: int) -> None:
    assert from_rfc3339(rfc3339(instant_us)) == instant_us


def test_a_local_time_is_refused() -> None:
    with pytest.raises(ValueError, match="UTC offset"):
        from_rfc3339("2026-11-23T13:05:00")


def test_ids_are_unique_ordered_and_version_7() -> None:
    made = [uuid7_hex() for _ in range(2_000)]
    assert len(set(made)) == len(made)
    assert made == sorted(made), "in the order in which they were made, also within a millisecond"
    assert {value[12] for value in made} == {"7"}
    assert {value[16] for value in made} <= set("89ab")
    assert new_id("req").startswith("req_")


PAYLOADS = st.lists(
    st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), min_size=1, max_size=20), max_size=6
)


@given(PAYLOADS, st.data())
def test_a_stream_reads_the_same_wherever_it_is_cut(texts: list[str], data: st.DataObject) -> None:
    newline = data.draw(st.sampled_from([b"\n", b"\r\n"]))
    stream = b"".join(
        b"data: " + text.encode() + newline + b": keepalive" + newline + newline for text in texts
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    framer, found = sse.Framer(1000), b""
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += framer.feed(stream[start:end])
    assert sse.payloads(found + framer.finish()) == [text.encode() for text in texts]


def test_lines_of_one_event_are_joined_and_a_last_event_needs_no_blank_line() -> None:
    framer = sse.Framer(1000)
    assert sse.payloads(framer.feed(b"event: x\ndata: a\ndata:b\n\ndata: last")) == [b"a\nb"]
    assert sse.payloads(framer.finish()) == [b"last"]


def test_an_event_without_end_is_refused() -> None:
    framer = sse.Framer(100)
    with pytest.raises(sse.EventTooLong):
        for _ in range(20):
            framer.feed(b"data: 0123456789")


def test_encoding_is_what_decoding_reads() -> None:
    assert sse.payloads(sse.encode(b'{"a":1}')) == [b'{"a":1}']


@pytest.mark.parametrize("json_lines", [True, False])
def test_a_traceback_shows_no_local_variable(
    json_lines: bool, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "_logger", None)
    before = structlog.get_config()
    try:
        log.configure(json_lines=json_lines)
        secret = "tw_" + "s" * 38
        try:
            raise RuntimeError("oh")
        except RuntimeError as error:
            log.logger().exception("unexpected_error", exc_info=error)
    finally:
        structlog.configure(**before)
    said = capfdbinary.readouterr().err
    assert b"RuntimeError" in said
    assert secret.encode() not in said
