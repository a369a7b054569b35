"""The clients that are tried, none of them changed in any way, and the processes in which their scripts run."""

import importlib.metadata
import json
import os
import selectors
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
CACHE = HERE.parents[1] / ".cache" / "dropin"
INSTALL = "tests/dropin/install.sh .cache/dropin"
ANSWER_TIMEOUT_S = 60.0

NO_FIM = "OpenAI's API has no fill-in-the-middle."


PIECES = {
    "streamed_tools": "It takes a call only whole, in one chunk; vLLM and the Mistral API send pieces, which are passed on."
}
NOT_TRIED = "Not tried."
FRAMEWORK = dict.fromkeys(
    ("image", "reasoning", "streamed_reasoning", "embeddings", "fim", "models", "errors", "errors_in_a_stream", "retries",
     "timeouts", "cancellation", "cost"), NOT_TRIED,
)  # fmt: skip


@dataclass(frozen=True)
class Client:
    """`column` of the table in docs/clients.md; `lacks`: features that it does not have, and why."""

    id: str
    column: str
    package: str
    script: str
    arguments: tuple[str, ...] = ()
    lacks: Mapping[str, str] = field(default_factory=dict)
    breaks: Mapping[str, str] = field(default_factory=dict)
    """Features that it has and that do not work, and why: a test proves that it is still so."""
    holds_by_tools: bool = False
    """It asks for structured output by a tool that has to be called, not by a JSON schema."""
    tells_why_a_stream_broke: bool = True
    """Whether the exception has the gateway's words in it, and not only that the last event is no chunk."""

    @property
    def needs_install(self) -> bool:
        """What is beyond the development dependencies: Node's packages, and the frameworks."""
        return not self.script.endswith("_python.py")

    @property
    def command(self) -> list[str]:
        if self.script.endswith(".mjs"):
            return ["node", str(CACHE / self.script)]
        python = CACHE / "venv/bin/python" if self.needs_install else Path(sys.executable)
        return [str(python), str(HERE / "drivers" / self.script), *self.arguments]

    @property
    def missing(self) -> str | None:
        """What would have to be installed; None: nothing."""
        if self.script.endswith(".mjs"):
            if shutil.which("node") is None:
                return "Node 20 or newer"
            return None if (CACHE / "node_modules" / self.package).is_dir() else self.package
        return None if shutil.which(self.command[0]) else "the frameworks"

    @property
    def version(self) -> str:
        """That is pinned, and installed from its pin."""
        if self.script.endswith(".mjs"):
            pinned = json.loads((HERE / "package.json").read_text("utf-8"))["dependencies"]
            return str(pinned[self.package])
        if not self.needs_install:
            return importlib.metadata.version(self.package)
        lines = (HERE / "constraints.txt").read_text("utf-8").splitlines()
        return dict(line.split("==") for line in lines)[self.package]


CLIENTS = (
    Client("openai-sync", "openai (Python)", "openai", "openai_python.py", ("sync",), {"fim": NO_FIM}),
    Client("openai-async", "openai (Python)", "openai", "openai_python.py", ("async",), {"fim": NO_FIM}),
    Client("mistral-sync", "mistralai (Python)", "mistralai", "mistral_python.py", ("sync",)),
    Client("mistral-async", "mistralai (Python)", "mistralai", "mistral_python.py", ("async",)),
    Client("openai-js", "openai (npm)", "openai", "openai.mjs", (), {"fim": NO_FIM}),
    Client(
        "mistral-js",
        "@mistralai/mistralai (npm)",
        "@mistralai/mistralai",
        "mistral.mjs",
        tells_why_a_stream_broke=False,
    ),
    Client(
        "langchain-openai",
        "langchain-openai",
        "langchain-openai",
        "langchain_driver.py",
        ("openai",),
        FRAMEWORK,
    ),
    Client(
        "langchain-mistral",
        "langchain-mistralai",
        "langchain-mistralai",
        "langchain_driver.py",
        ("mistral",),
        FRAMEWORK,
        PIECES,
    ),
    Client(
        "pydantic-ai-openai",
        "pydantic-ai (OpenAI)",
        "pydantic-ai-slim",
        "pydantic_ai_driver.py",
        ("openai",),
        FRAMEWORK,
    ),
    Client(
        "pydantic-ai-mistral",
        "pydantic-ai (Mistral)",
        "pydantic-ai-slim",
        "pydantic_ai_driver.py",
        ("mistral",),
        FRAMEWORK,
        {},
        True,
    ),
    Client(
        "llama-index",
        "LlamaIndex (Mistral)",
        "llama-index-llms-mistralai",
        "llama_index_driver.py",
        (),
        FRAMEWORK,
        PIECES,
        True,
    ),
)


class Driver:
    """One client's script as a child process: a scenario goes in, what its user saw comes out."""

    def __init__(self, client: Client) -> None:
        if client.script.endswith(".mjs"):  # Node looks for packages beside the script
            for name in ("lines.mjs", client.script):
                shutil.copy(HERE / "drivers" / name, CACHE / name)
        inherited = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
        self._process = subprocess.Popen(
            client.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**inherited, "LANGSMITH_TRACING": "false", "PYTHONPATH": "", "MISTRAL_API_KEY": ""},
            start_new_session=True,
        )

    def ask(self, scenario: str, **fields: Any) -> dict[str, Any]:
        """What was seen.  Raises AssertionError with the client's own words if it raised."""
        assert self._process.stdin is not None and self._process.stdout is not None
        line = json.dumps({"scenario": scenario, **fields})
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            assert selector.select(ANSWER_TIMEOUT_S), f"no answer to {scenario} within {ANSWER_TIMEOUT_S:g} s"
        raw = self._process.stdout.readline()
        assert raw, f"the script ended with {self._process.poll()}; its words are on stderr"
        answer: dict[str, Any] = json.loads(raw)
        assert answer["scenario"] == scenario
        assert answer["ok"], answer["detail"]
        detail: dict[str, Any] = answer["detail"]
        return detail

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.terminate()
        self._process.wait(10)
        self._process.stdout.close()


def params(feature: str, *ids: str) -> list[Any]:
    """The clients as parameters of a test: those that need an installation are marked, and what is known to break has to."""
    found = []
    for client in CLIENTS:
        marks = [pytest.mark.dropin] if client.needs_install else []
        if feature in client.breaks:
            marks.append(pytest.mark.xfail(strict=True, reason=client.breaks[feature]))
        if client.id in ids:
            found.append(pytest.param(client, id=client.id, marks=marks))
    return found
