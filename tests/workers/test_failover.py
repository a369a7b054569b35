"""Failing well: until the first byte another worker is asked, nothing is billed twice, and the bad one is soon out."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.kit.clock import now_us
from gateway.metering.audit import audit
from tests.fixtures.running import RunningGateway, chat, eventually
from tests.fixtures.scripted import ScriptedWorker

PATH = "/v1/chat/completions"
Name = Callable[[], str]


class Moody(ScriptedWorker):
    """Does what its mood says, whatever it is asked; probes too."""

    mood = "ok tokens=3"

    def script_of(self, _body: object) -> str:
        return self.mood


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[RunningGateway, Moody, Moody]]:
    with (
        Moody(kind="vllm") as good,
        Moody(kind="vllm") as bad,
        RunningGateway(tmp_path, good.url, bad.url, first_byte_timeout_s=1.5, queue_wait_s=5) as gateway,
    ):
        yield gateway, good, bad


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "mood",
    [
        "bad_status status=500",
        "bad_status status=503",
        "bad_status status=401",
        "drop",
        "hang",
        "rubbish",
    ],
)
def test_until_the_first_byte_another_worker_is_asked(
    pair: tuple[RunningGateway, Moody, Moody], fresh: Name, mood: str, stream: bool
) -> None:
    gateway, _, bad = pair
    bad.mood = mood
    name = fresh()
    with gateway.api(gateway.account(name)) as api:
        for _ in range(12):
            answer = api.post(PATH, json=chat("x", stream=stream))
            assert answer.status_code == 200, answer.text
            assert "finish_reason" in answer.text
    assert gateway.settled_up(name).settled_nanousd > 0
    outcomes = Counter(event.outcome for event in gateway.events(name))
    assert outcomes == {"completed": 12}, "each request has one event, of the attempt that succeeded"
    assert gateway.database.read_now(lambda conn: audit(conn, now_us())).differences == ()


def test_all_attempts_share_one_deadline(tmp_path: Path, fresh: Name) -> None:
    with Moody(kind="vllm") as one, Moody(kind="vllm") as two:
        one.mood = two.mood = "hang"
        options = {"first_byte_timeout_s": 0.6, "request_deadline_s": 0.8}
        with RunningGateway(tmp_path, one.url, two.url, **options) as gateway:
            with gateway.api(gateway.account(fresh())) as api:
                begun = time.monotonic()
                assert api.post(PATH, json=chat("x")).status_code == 504
            assert time.monotonic() - begun < 1.15, "not twice 0.6"
    assert len(one.seen) == len(two.seen) == 1


def test_a_refusal_is_the_callers_and_nobody_else_is_asked(
    pair: tuple[RunningGateway, Moody, Moody], fresh: Name
) -> None:
    gateway, good, bad = pair
    good.mood = bad.mood = "bad_status status=400"
    with gateway.api(gateway.account(fresh())) as api:
        assert api.post(PATH, json=chat("x")).status_code == 400
    assert len(good.seen) + len(bad.seen) == 1


def test_after_the_first_byte_nobody_else_is_asked(
    pair: tuple[RunningGateway, Moody, Moody], fresh: Name
) -> None:
    gateway, good, bad = pair
    good.mood = bad.mood = "die after=2"
    with gateway.api(gateway.account(fresh())) as api:
        assert '"code":"worker_failed"' in api.post(PATH, json=chat("x", stream=True)).text
    assert len(good.seen) + len(bad.seen) == 1


def test_a_worker_that_dies_in_mid_stream_again_and_again_is_out(
    pair: tuple[RunningGateway, Moody, Moody], fresh: Name
) -> None:
    gateway, _, bad = pair
    bad.mood = "die after=1"
    with gateway.api(gateway.account(fresh())) as api:
        texts = [api.post(PATH, json=chat("x", stream=True)).text for _ in range(30)]
    failed = sum('"code":"worker_failed"' in text for text in texts)
    assert 1 <= failed <= 3


def test_when_all_are_busy_the_caller_is_told_when_to_come_back(
    pair: tuple[RunningGateway, Moody, Moody], fresh: Name
) -> None:
    gateway, good, bad = pair
    good.mood = bad.mood = "bad_status status=429"
    with gateway.api(gateway.account(fresh())) as api:
        answer = api.post(PATH, json=chat("x"))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")


def test_a_broken_worker_is_out_and_comes_back(
    pair: tuple[RunningGateway, Moody, Moody], fresh: Name
) -> None:
    gateway, _, bad = pair
    bad.mood = "drop"

    def out() -> bool:
        with gateway.api(operator) as admin:
            listed = {each["url"]: each["out"] for each in admin.get("/admin/v1/workers").json()["data"]}
        return bool(listed[bad.url])

    operator = gateway.operator()
    with gateway.api(gateway.account(fresh())) as api:
        while not out():
            assert api.post(PATH, json=chat("x")).status_code == 200
        asked = len(bad.seen)
        for _ in range(20):
            assert api.post(PATH, json=chat("x")).status_code == 200
        assert len(bad.seen) == asked, "it is not asked any more"
        bad.mood = "ok tokens=3"
        eventually(lambda: not out(), "a probe found it well again")
        while len(bad.seen) == asked:
            assert api.post(PATH, json=chat("x")).status_code == 200


def test_the_last_worker_is_asked_however_bad_it_was(tmp_path: Path, fresh: Name) -> None:
    with Moody(kind="vllm") as only, RunningGateway(tmp_path, only.url) as gateway:
        only.mood = "drop"
        with gateway.api(gateway.account(fresh())) as api:
            for _ in range(5):
                assert api.post(PATH, json=chat("x")).status_code == 502
            only.mood = "ok tokens=3"
            assert api.post(PATH, json=chat("x")).status_code == 200


def test_who_waited_at_one_while_the_other_came_back_is_served_by_the_other(
    tmp_path: Path, fresh: Name
) -> None:
    """Two workers, both of which break in the life of one request, but never both at once."""
    options = {"first_byte_timeout_s": 1.5, "request_deadline_s": 8.0}
    with (
        Moody(kind="vllm") as one,
        Moody(kind="vllm") as two,
        RunningGateway(tmp_path, one.url, two.url, **options) as gateway,
        gateway.api(gateway.account(fresh())) as api,
        gateway.api(gateway.operator()) as admin,
    ):

        def out() -> list[str]:
            return [each["url"] for each in admin.get("/admin/v1/workers").json()["data"] if each["out"]]

        answers: list[int] = []
        one.mood = two.mood = "hang"
        thread = threading.Thread(target=lambda: answers.append(api.post(PATH, json=chat("x")).status_code))
        thread.start()
        eventually(lambda: len(out()) == 1, "the first that was asked is out")
        back = one if out() == [one.url] else two
        back.mood = "ok tokens=3"
        eventually(lambda: out() == [], "a probe found it well again")
        thread.join()
        assert answers == [200]
