"""Run the server: prepare, show first secrets, start the embedded worker, then uvicorn, one process or several."""

import contextlib
import gc
import os
import sys
from collections.abc import Iterator
from typing import Any

import msgspec
import uvicorn
from rich.console import Console

from gateway.kit import log
from gateway.settings import Settings, WorkerSettings, decode_path
from gateway.start import FirstStart, bootstrap, prepare
from gateway.workers.embedded import EmbeddedWorker

HANDOVER = "_TOLLWAY_SETTINGS"
"""How the settings in force reach the processes that uvicorn starts."""
GRACEFUL_STOP_S = 30
YOUNG_OBJECTS = 100_000
TURN_S = 0.0005
"""How long one thread keeps the interpreter while another waits for it."""


def serve_forever(settings: Settings, console: Console) -> None:
    """Until SIGTERM or SIGINT; running requests are then finished, for up to `GRACEFUL_STOP_S`."""
    prepare(settings)
    show_secrets(bootstrap(settings), console)
    with with_embedded(settings, console) as ready:
        os.environ[HANDOVER] = msgspec.json.encode(ready, enc_hook=str).decode()
        console.print(f"Tollway listens on http://{ready.host}:{ready.port}", highlight=False)
        uvicorn.run("gateway.serve:from_handover", workers=ready.processes, **uvicorn_options(ready))


def uvicorn_options(settings: Settings) -> dict[str, Any]:
    return {
        "factory": True,
        "host": settings.host,
        "port": settings.port,
        "loop": "uvloop" if os.name == "posix" else "asyncio",
        "http": "gateway.api.connection:Connection",
        "ws": "none",
        "lifespan": "on",
        "access_log": False,
        "log_level": "warning",
        "server_header": False,
        # Left out, uvicorn would believe whoever connects from this machine.
        "proxy_headers": bool(settings.trusted_proxies),
        "forwarded_allow_ips": list(settings.trusted_proxies),
        "timeout_graceful_shutdown": GRACEFUL_STOP_S,
    }


def serve_handed_over() -> None:
    """One process, with the settings that `demo` put into the environment."""
    settings = _handed_over()
    uvicorn.run("gateway.serve:from_handover", **uvicorn_options(settings))


def from_handover() -> object:
    """The application in a process that uvicorn started."""
    from gateway.app import build  # noqa: PLC0415 - the supervising process does not need the framework

    settings = _handed_over()
    log.configure(json_lines=_json_lines(settings))
    app = build(settings)
    app.on_startup += [_spare_the_collector, _take_short_turns]
    return app


def _spare_the_collector() -> None:
    """What is there when the server has started (modules, routes, vocabularies: half a million objects) stays for good: a full collection
    need not look through it, which took some 100 ms in the middle of somebody's stream.  Requests leave no circles
    (tests/api/test_no_circles.py), so young objects are looked at less often than the default, which is every 700.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 20)


def _take_short_turns() -> None:
    """A bill's transaction hands the interpreter over at every statement, and the sums' thread keeps it: with Python's own turns
    of 5 ms, whoever waits behind both waits for several of them.
    """
    sys.setswitchinterval(TURN_S)


def _handed_over() -> Settings:
    return msgspec.json.decode(os.environ[HANDOVER], type=Settings, dec_hook=decode_path)


def _json_lines(settings: Settings) -> bool:
    return settings.log_json if settings.log_json is not None else not os.isatty(2)


@contextlib.contextmanager
def with_embedded(settings: Settings, console: Console) -> Iterator[Settings]:
    """The settings with the embedded worker among the workers, if it is wanted; it stops with the block.

    Raises:
        EmbeddedWorkerUnavailable: says what is missing, and how to point at a worker of your own.
    """
    if not settings.wants_embedded:
        yield settings
        return
    with (
        console.status("starting the embedded worker (SmolLM2-135M on llama.cpp) …"),
        contextlib.ExitStack() as stack,
    ):
        worker = EmbeddedWorker()
        worker.start()
        stack.callback(worker.stop)
        keep = stack.pop_all()
    with keep:
        mine = WorkerSettings(url=worker.url, models={worker.model: worker.model})
        yield msgspec.structs.replace(settings, workers=(*settings.workers, mine))


def show_secrets(first: FirstStart, console: Console) -> None:
    if first.operator_key:
        console.print("Operator key (shown once, opens /admin/v1):", style="bold")
        console.print(f"  {first.operator_key}", highlight=False, soft_wrap=True)
        console.print(
            "Pages at /dashboard: `tollway-gateway people add YOU@EXAMPLE.COM --operator` lets you in"
        )
    if first.demo_key:
        console.print("API key of the account `demo` (shown once):", style="bold")
        console.print(f"  {first.demo_key}", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    serve_handed_over()
