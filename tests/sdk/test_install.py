"""The SDK as its users get it: `pip install ./sdk` in an empty environment, and nothing but what it names comes along."""

import json
import subprocess
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMES_ALONG = {
    "anyio",
    "certifi",
    "h11",
    "httpcore",
    "httpx",
    "idna",
    "msgspec",
    "tollway",
    "typing-extensions",
}
"""httpx, msgspec, and what httpx needs."""
USE = """
import sys
import tollway
light = not {"httpx", "asyncio", "mistral_common", "typer", "rich"} & set(sys.modules)
with tollway.Tollway("tw_k", "http://127.0.0.1:9", max_retries=0) as client:
    try:
        client.models.list()
    except tollway.APIConnectionError as error:
        print(light, error)
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("empty")
    venv.create(folder, with_pip=True)
    python = str(folder / "bin/python")
    pip = [python, "-m", "pip", "--disable-pip-version-check"]
    constraints = ["-c", str(ROOT / "constraints.txt")]
    done = subprocess.run(
        [*pip, "install", "-q", *constraints, str(ROOT / "sdk")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return python


def test_what_comes_along(python: str) -> None:
    listed = subprocess.run(
        [python, "-m", "pip", "list", "--format", "json"], capture_output=True, text=True, check=True
    )
    names = {each["name"].replace("_", "-").lower() for each in json.loads(listed.stdout)}
    assert {"tollway", "httpx", "msgspec"} <= names <= COMES_ALONG | {"pip", "setuptools"}


def test_the_command_line_says_that_it_needs_its_extra(python: str) -> None:
    command = str(Path(python).with_name("tollway"))
    done = subprocess.run([command, "models"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        done.stderr
        == "tollway: the command line needs an extra, and Python 3.11: pip install 'tollway[cli]'\n"
    )


def test_it_works_with_that_alone_and_is_light_until_a_client_is_made(python: str) -> None:
    used = subprocess.run([python, "-c", USE], capture_output=True, text=True, check=True)
    assert used.stdout.startswith("True the gateway cannot be reached")
    found = subprocess.run(
        [python, "-c", "import tollway, pathlib; print((pathlib.Path(tollway.__file__).parent / 'py.typed').exists())"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert found.stdout.strip() == "True", "type checkers are told that it is typed"
