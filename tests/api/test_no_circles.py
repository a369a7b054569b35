"""A request that ended is gone: nothing of it refers to itself in a circle, which only the collector would find.

Its pauses grow with what it has to look through, and they fall into somebody's stream.
"""

import gc
import http.client
import json
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.running import RunningGateway, chat
from tests.fixtures.scripted import ScriptedWorker

REQUESTS = 20


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"text": "ok"}, 200),
        ({"text": "ok tokens=20", "stream": True}, 200),
        ({"text": "ok", "max_tokens": 10**9}, 400),
        ({"text": "bad_status status=400"}, 400),
    ],
)
def test_a_request_leaves_no_circles(tmp_path: Path, fields: dict[str, Any], status: int) -> None:
    with (
        ScriptedWorker(kind="vllm") as worker,
        RunningGateway(tmp_path, worker.url) as gateway,
        closing(http.client.HTTPConnection(gateway.url.removeprefix("http://"))) as client,
    ):
        key = gateway.account("a", "100")
        body, headers = json.dumps(chat(**fields)), {"authorization": f"Bearer {key}"}

        def ask() -> int:
            client.request("POST", "/v1/chat/completions", body, headers)
            answer = client.getresponse()
            answer.read()
            return answer.status

        assert ask() == status
        gc.collect()
        gc.disable()
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            assert {ask() for _ in range(REQUESTS)} == {status}
            time.sleep(0.1)  # what comes after its last byte
            gc.collect()
            found = Counter(type(each).__qualname__ for each in gc.garbage if _is_ours(each))
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
    assert {name: count for name, count in found.items() if count >= REQUESTS // 2} == {}


def _is_ours(thing: Any) -> bool:
    return type(thing).__module__.startswith(("gateway.", "uvicorn."))
