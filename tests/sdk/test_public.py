"""The public face, and that the README's examples are true."""

import re
import tomllib
from pathlib import Path
from types import ModuleType

import httpx
import pytest
import tollway

from tests.sdk.test_stream import ANSWER, whole_stream

SDK = Path(__file__).parents[2] / "sdk"
EXAMPLES = re.findall(r"```python\n(.*?)```", (SDK / "README.md").read_text("utf-8"), re.DOTALL)


def test_exported_names_are_sorted_and_all_there_is() -> None:
    public = {
        name
        for name, value in vars(tollway).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }
    assert tollway.__all__ == sorted(public)


def test_the_version_is_said_once() -> None:
    said = tomllib.loads((SDK / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert said == tollway._core.request.VERSION


def test_only_one_file_knows_the_http_library() -> None:
    knowing = {
        path.name for path in (SDK / "src/tollway").rglob("*.py") if "import httpx" in path.read_text("utf-8")
    }
    assert knowing == {"http.py"}


def gateway(request: httpx.Request) -> httpx.Response:
    head = {"x-request-id": "req_1"}
    if b'"stream":true' in request.content:
        return httpx.Response(200, content=whole_stream(), headers=head)
    return httpx.Response(200, json=ANSWER, headers=head)


def test_the_readmes_examples_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    transport = httpx.MockTransport(gateway)
    real_sync, real_async = httpx.Client, httpx.AsyncClient
    monkeypatch.setattr("httpx.Client", lambda **_: real_sync(transport=transport))
    monkeypatch.setattr("httpx.AsyncClient", lambda **_: real_async(transport=transport))
    assert len(EXAMPLES) == 4
    script = (
        "\n".join(EXAMPLES).replace("tw_…", "tw_k")
        + "\nimport asyncio\nasyncio.run(main())\nclient.close()\n"
    )
    exec(compile(script, "README.md", "exec"), {})
    assert capsys.readouterr().out == "hi $0.000000800\nhéllo 🌍$0.000000180\nhéllo 🌍"
