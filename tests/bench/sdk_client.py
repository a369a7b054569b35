"""One client's own work, alone in its process: `python -m tests.bench.sdk_client NAME URL KEY`.

CPU seconds of this process, not seconds on the clock: what the gateway and the network take is the same for all.
"""

import asyncio
import importlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any

REQUESTS, STREAMS, CHUNKS = 150, 4, 1000
M = "magistral-small-2509"


def body(text: str) -> dict[str, Any]:
    return {"model": M, "messages": [{"role": "user", "content": text}], "max_tokens": 2000}


HELLO, LONG = body("ok tokens=5"), body(f"ok tokens={CHUNKS}")
Work = tuple[Callable[[], Any], Callable[[], Any]]
"""One request, and one stream read to its end."""


def tollway(url: str, key: str) -> Work:
    client = importlib.import_module("tollway").Tollway(key, url)

    def stream() -> None:
        with client.chat.stream(**LONG) as events:
            for _ in events:
                pass

    return lambda: client.chat.complete(**HELLO), stream


def tollway_async(url: str, key: str) -> Work:
    client = importlib.import_module("tollway").AsyncTollway(key, url)

    async def stream() -> None:
        async with client.chat.stream(**LONG) as events:
            async for _ in events:
                pass

    return lambda: client.chat.complete(**HELLO), stream


def tollway_httpx2(url: str, key: str) -> Work:
    sys.modules["httpx"] = importlib.import_module("httpx2")
    return tollway(url, key)


def openai(url: str, key: str) -> Work:
    client = importlib.import_module("openai").OpenAI(api_key=key, base_url=f"{url}/v1")

    def stream() -> None:
        for _ in client.chat.completions.create(**LONG, stream=True, stream_options={"include_usage": True}):
            pass

    return lambda: client.chat.completions.create(**HELLO), stream


def openai_async(url: str, key: str) -> Work:
    client = importlib.import_module("openai").AsyncOpenAI(api_key=key, base_url=f"{url}/v1")

    async def stream() -> None:
        events = client.chat.completions.create(**LONG, stream=True, stream_options={"include_usage": True})
        async for _ in await events:
            pass

    return lambda: client.chat.completions.create(**HELLO), stream


def mistralai(url: str, key: str) -> Work:
    client = importlib.import_module("mistralai.client").Mistral(api_key=key, server_url=url)

    def stream() -> None:
        with client.chat.stream(**LONG) as events:
            for _ in events:
                pass

    return lambda: client.chat.complete(**HELLO), stream


def mistralai_async(url: str, key: str) -> Work:
    client = importlib.import_module("mistralai.client").Mistral(api_key=key, server_url=url)

    async def stream() -> None:
        async with await client.chat.stream_async(**LONG) as events:
            async for _ in events:
                pass

    return lambda: client.chat.complete_async(**HELLO), stream


def measured(work: Callable[[], Any], times: int) -> float:
    """CPU seconds of one, after one to warm up."""

    async def waited() -> float:
        await work()
        begun = time.process_time()
        for _ in range(times):
            await work()
        return (time.process_time() - begun) / times

    if asyncio.iscoroutinefunction(work) or sys.argv[1].endswith("_async"):
        return RUNNER.run(waited())
    work()
    begun = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - begun) / times


RUNNER = asyncio.Runner()


def main() -> None:
    name, url, key = sys.argv[1:]
    begun = time.process_time()
    request, stream = globals()[name](url, key)
    made_s = time.process_time() - begun
    request_s = measured(request, REQUESTS)
    stream_s = measured(stream, STREAMS)
    modules = len(sys.modules)
    RUNNER.close()
    print(json.dumps({"made_ms": made_s * 1e3, "request_us": request_s * 1e6,
                      "chunk_us": (stream_s - request_s) / CHUNKS * 1e6, "modules": modules}))  # fmt: skip


if __name__ == "__main__":
    main()
