"""What a user's type checker says of the SDK: nothing of a right program, and of a wrong one all that is wrong."""

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
import tollway

from tests.docs.surface import CLIENTS, Public, resources, surface

HERE = Path(__file__).parent
SDK = HERE.parents[1] / "sdk/src"
BLOCKING, WAITING, OPERATING, MISTAKES = (
    HERE / name for name in ("user_code.py", "user_code_async.py", "operator_code.py", "mistakes.py")
)
FILES = [BLOCKING, WAITING, OPERATING, MISTAKES]

Found = dict[Path, dict[int, str]]
"""By file and line, what a checker complained of."""


def _run(*command: str) -> str:
    """Beside the SDK, which is then a library like any other: a checker trusts its annotations and looks no further."""
    environ = {**os.environ, "PYTHONPATH": str(SDK)}
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=HERE,
        env=environ,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


def mypy(cache: Path) -> Found:
    said = _run("mypy", "--config-file=", "--strict", "--cache-dir", str(cache), *map(str, FILES))
    found: Found = defaultdict(dict)
    for name, line, text in re.findall(r"^(.+?):(\d+): error: (.*)$", said, re.MULTILINE):
        found[HERE / name][int(line)] = text
    assert said.strip().splitlines()[-1].endswith(f"(checked {len(FILES)} source files)"), said
    return found


def pyright(_: Path) -> Found:
    """Strict, because each file says `# pyright: strict`."""
    said = json.loads(_run("pyright", "--outputjson", "--pythonpath", sys.executable, *map(str, FILES)))
    found: Found = defaultdict(dict)
    for each in said["generalDiagnostics"]:
        found[Path(each["file"])][each["range"]["start"]["line"] + 1] = each["message"]
    assert said["summary"]["filesAnalyzed"] == len(FILES), said
    return found


@pytest.fixture(scope="module", params=[mypy, pyright], ids=["mypy", "pyright"])
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Found:
    return request.param(tmp_path_factory.mktemp("checker"))  # type: ignore[no-any-return]


@pytest.mark.parametrize("path", [BLOCKING, WAITING, OPERATING], ids=lambda path: path.name)
def test_a_right_program_is_right(found: Found, path: Path) -> None:
    assert found[path] == {}


def test_each_mistake_is_noticed_and_nothing_else(found: Found) -> None:
    lines = MISTAKES.read_text("utf-8").splitlines()
    wrong = {number for number, line in enumerate(lines, 1) if "# wrong: " in line}
    assert len(wrong) > 30
    assert found[MISTAKES].keys() == wrong


RESOURCES = {
    kind: f"{'admin' if 'Admin' in client.__name__ else 'client'}.{name}"
    for client in CLIENTS
    for name, kind in resources(client).items()
}


def use_of(public: Public) -> str:
    """How a program looks that uses it."""
    member = public.name.rpartition(".")[2]
    if public.owner in RESOURCES:
        return f"{RESOURCES[public.owner]}.{member}("
    if public.owner in CLIENTS:
        return f"{'admin' if 'Admin' in public.name else 'client'}.{member}("
    return f".{member}" if public.owner else f"tollway.{member}"


USED = [each for each in surface() if each.owner or each.name in tollway.__all__]


@pytest.mark.parametrize("public", USED, ids=lambda each: each.name)
def test_the_programs_use_everything(public: Public) -> None:
    waits = public.owner is not None and public.owner.__name__.startswith("Async")
    files = [WAITING, OPERATING] if waits else [BLOCKING, WAITING, OPERATING]
    texts = [path.read_text("utf-8") for path in files]
    assert any(use_of(public) in text for text in texts)


def test_aliases_are_used_too() -> None:
    text = BLOCKING.read_text("utf-8")
    assert all(f"tollway.{name}" in text for name in ("AnyTool", "GroupBy", "StreamEvent", "Usd"))
