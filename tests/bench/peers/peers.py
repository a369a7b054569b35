"""The gateways that are measured: how each is started, where it is asked, and what it has to be told."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from tests.bench.peers.upstream import (
    MODEL,
    PACED_MODEL,
    PROXY,
    STREAMED_MODEL,
    Nginx,
    Upstreams,
    answers,
    body,
)
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.running import free_port

GATEWAY_CORE, OTHER_CORE = 0, 1
CACHE = Path(".cache/bench")
"""Where `tests/bench/peers/install.sh` puts the peers that are not ours."""


class NotInstalled(Exception):
    """Says how to install it."""


class AnswersNot(Exception):
    """It was started, and does not answer as it should."""


class Peer:
    """Started, and ready to be asked."""

    name: str
    cores = str(GATEWAY_CORE)
    begun_s: float
    """From its start to its first answer."""
    pid: int

    def __init__(self, upstreams: Upstreams) -> None:
        self.upstreams = upstreams
        self.port = free_port()
        self.headers: dict[str, str] = {}
        self._processes: list[subprocess.Popen[bytes]] = []

    def url(self, *, stream: bool) -> str:
        del stream
        return f"http://127.0.0.1:{self.port}/v1/chat/completions"

    def headers_for(self, *, stream: bool) -> dict[str, str]:
        del stream
        return self.headers

    def _start(self, command: list[str], ready: str, **environment: str) -> None:
        begun = time.monotonic()
        log = (Path(tempfile.gettempdir()) / f"bench-{self.name.replace(' ', '-')}.log").open("wb")
        pinned = ["taskset", "-c", self.cores, *command]
        process = subprocess.Popen(pinned, stdout=log, stderr=log, env={**os.environ, **environment})
        self._processes.append(process)
        self.pid = process.pid
        while not answers(self.port, ready):
            assert process.poll() is None, f"{self.name} ended with {process.returncode}: see {log.name}"
            assert time.monotonic() < begun + 120, f"{self.name} does not answer: see {log.name}"
            time.sleep(0.02)
        self.begun_s = time.monotonic() - begun

    def check(self) -> None:
        """Raises AnswersNot."""
        for stream in (False, True):
            asked = httpx.post(self.url(stream=stream), content=body(stream=stream), timeout=30, trust_env=False,
                               headers={"content-type": "application/json", **self.headers_for(stream=stream)})  # fmt: skip
            if asked.status_code != 200 or (stream and "[DONE]" not in asked.text):
                raise AnswersNot(f"{self.name} answers {asked.status_code}: {asked.text[:300]}")

    def stop(self) -> None:
        for process in self._processes:
            process.terminate()
            process.wait(30)


class Direct(Peer):
    """No gateway at all: what the load and the upstream take by themselves."""

    name = "direct"

    def __init__(self, upstreams: Upstreams) -> None:
        super().__init__(upstreams)
        self.pid, self.begun_s = upstreams.pid, 0.0

    def url(self, *, stream: bool) -> str:
        port = self.upstreams.streamed if stream else self.upstreams.whole
        return f"http://127.0.0.1:{port}/v1/chat/completions"


class Tollway(Peer):
    """Everything on: keys, holds, metering, the durable ledger, logs."""

    name = "tollway"
    processes = 1

    def __init__(self, upstreams: Upstreams) -> None:
        super().__init__(upstreams)
        self._folder = tempfile.TemporaryDirectory()
        self.ask("accounts", "create", "bench", "--grant", "1000000", "--json")
        made = self.ask("keys", "create", "--account", "bench", "--json")
        self.headers = {"authorization": f"Bearer {json.loads(made.stdout)['key']}"}
        places = ((upstreams.whole, MODEL), (upstreams.streamed, STREAMED_MODEL), (upstreams.paced, PACED_MODEL))  # fmt: skip
        workers = [f"http://127.0.0.1:{port}={model}" for port, model in places]
        options = [word for worker in workers for word in ("--worker", worker)]
        self._start([*self._command("serve"), "--port", str(self.port), "--processes", str(self.processes), *options], "/healthz", **self._environment())  # fmt: skip

    def ask(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        """Its command line, on its own data."""
        return subprocess.run(
            self._command(*words), check=False, capture_output=True, env={**os.environ, **self._environment()}
        )

    def _command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "gateway.cli", *words, "--data-dir", self._folder.name]

    def _environment(self) -> dict[str, str]:
        """Its leases outlast the time in which it stands still while others are measured."""
        return {"TOLLWAY_AUDIT_SHARE": "0", "TOLLWAY_LEASE_TTL_S": "600"}

    def stop(self) -> None:
        super().stop()
        self._folder.cleanup()


class TollwayOnPostgres(Tollway):
    name = "tollway, PostgreSQL"

    def __init__(self, upstreams: Upstreams) -> None:
        self._server = PostgresServer()
        self._database = self._server.create_database()
        super().__init__(upstreams)

    def _environment(self) -> dict[str, str]:
        return {**super()._environment(), "TOLLWAY_DATABASE_URL": self._database}

    def stop(self) -> None:
        super().stop()
        self._server.stop()


class NginxProxy(Peer):
    """`proxy_pass`: the limit, which knows no keys and bills nothing."""

    name = "nginx"

    def __init__(self, upstreams: Upstreams) -> None:
        super().__init__(upstreams)
        if shutil.which("nginx") is None:
            raise NotInstalled("nginx (apt-get install nginx)")
        self.port_streamed = free_port()
        begun = time.monotonic()
        proxy = PROXY.format(port=self.port, port_streamed=self.port_streamed, whole=upstreams.whole, streamed=upstreams.streamed)  # fmt: skip
        self._nginx = Nginx(GATEWAY_CORE, proxy)
        while not answers(self.port):
            time.sleep(0.01)
        self.begun_s = time.monotonic() - begun
        self.pid = self._nginx.process.pid

    def url(self, *, stream: bool) -> str:
        return f"http://127.0.0.1:{self.port_streamed if stream else self.port}/v1/chat/completions"

    def stop(self) -> None:
        self._nginx.stop()


class LiteLLM(Peer):
    """Its best case: a master key, and neither database nor logging."""

    name = "LiteLLM"

    def __init__(self, upstreams: Upstreams) -> None:
        super().__init__(upstreams)
        program = CACHE / "litellm" / "bin" / "litellm"
        if not program.exists():
            raise NotInstalled("LiteLLM (tests/bench/peers/install.sh .cache/bench)")
        key = "sk-bench"
        models = [
            {"model_name": model, "litellm_params": {"model": f"openai/{model}", "api_base": f"http://127.0.0.1:{port}/v1", "api_key": "x"}}
            for model, port in ((MODEL, upstreams.whole), (STREAMED_MODEL, upstreams.streamed))
        ]  # fmt: skip
        config = Path(tempfile.mkdtemp()) / "litellm.yaml"
        config.write_text(json.dumps({"model_list": models, "general_settings": {"master_key": key},
                                      "litellm_settings": {"num_retries": 0, "telemetry": False}}))  # fmt: skip
        self.headers = {"authorization": f"Bearer {key}"}
        command = [str(program), "--config", str(config), "--port", str(self.port), "--host", "127.0.0.1", "--telemetry", "False"]  # fmt: skip
        self._start(command, "/health/liveliness", LITELLM_LOG="ERROR", LITELLM_LOCAL_MODEL_COST_MAP="True")


class Portkey(Peer):
    """Told where to go by headers, as its self-hosted gateway is; it checks no keys."""

    name = "Portkey"

    def __init__(self, upstreams: Upstreams) -> None:
        super().__init__(upstreams)
        program = CACHE / "portkey" / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
        if not program.exists():
            raise NotInstalled("Portkey (tests/bench/peers/install.sh .cache/bench)")
        self._start(["node", str(program), f"--port={self.port}", "--headless"], "/", NODE_ENV="production")

    def headers_for(self, *, stream: bool) -> dict[str, str]:
        port = self.upstreams.streamed if stream else self.upstreams.whole
        return {"x-portkey-provider": "openai", "x-portkey-custom-host": f"http://127.0.0.1:{port}/v1", "authorization": "Bearer x"}  # fmt: skip


PEERS: tuple[type[Peer], ...] = (Tollway, TollwayOnPostgres, NginxProxy, Portkey, LiteLLM)
