"""One JSON line in, one out: what a client does with a scenario, as far as its user can see it.

Each script beside this one drives one unmodified client.  A line is `{"scenario", "url", "key", "model", …}`; the answer is
`{"scenario", "ok", "detail"}`: what was seen, or how it went wrong.
"""

import asyncio
import contextlib
import inspect
import json
import sys
import traceback


class Ask(dict):
    """A scenario's fields as attributes; what is not given is None."""

    def __getattr__(self, name):
        return self.get(name)


async def done(value):
    """What a call gave, whether it has to be awaited or not: so that one script drives both sorts of client."""
    return await value if inspect.isawaitable(value) else value


async def each(stream):
    if hasattr(stream, "__aiter__"):
        async for item in stream:
            yield item
    else:
        for item in stream:
            yield item


@contextlib.asynccontextmanager
async def entered(client):
    if hasattr(client, "__aenter__"):
        async with client as inside:
            yield inside
    else:
        with client as inside:
            yield inside


def serve(scenarios):
    """Answers lines until there are none.  `scenarios`: coroutine functions by name."""
    said = sys.stdout
    sys.stdout = sys.stderr  # a library's own words are no answer
    with asyncio.Runner() as runner:
        for line in sys.stdin:
            ask = Ask(json.loads(line))
            try:
                detail, ok = runner.run(scenarios[ask.scenario](ask)), True
            except Exception:  # noqa: BLE001 - whatever it is, the test shows it
                detail, ok = traceback.format_exc(), False
            print(json.dumps({"scenario": ask.scenario, "ok": ok, "detail": detail}), file=said, flush=True)
