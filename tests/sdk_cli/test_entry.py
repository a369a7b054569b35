"""Getting in: help, what is imported when, and what is said where the extra is missing."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.sdk_cli.process import Shell

HEAVY = "{'httpx', 'typer', 'rich', 'mistral_common', 'asyncio'}"


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_help(nobody: Shell, arguments: list[str]) -> None:
    done = nobody.run(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    for command in ("login", "chat", "models", "usage", "keys", "estimate", "credits", "receipt"):
        assert f"  {command} " in done.stdout


def test_the_library_imports_nothing_of_it(nobody: Shell) -> None:
    script = f"import sys, tollway; print({HEAVY} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], env=nobody.environ, capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_the_extra_it_says_how_to_install_it(nobody: Shell, tmp_path: Path, missing: str) -> None:
    error = f"raise ModuleNotFoundError('no {missing}', name={missing!r})"
    (tmp_path / f"{missing}.py").write_text(error)
    done = nobody.run("models", PYTHONPATH=f"{tmp_path}:{nobody.environ.get('PYTHONPATH', '')}")
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        done.stderr
        == "tollway: the command line needs an extra, and Python 3.11: pip install 'tollway[cli]'\n"
    )
