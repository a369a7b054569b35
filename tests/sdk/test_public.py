"""The public face.  That its examples are true is `tests/docs`' business."""

import tomllib
from pathlib import Path
from types import ModuleType

import tollway

SDK = Path(__file__).parents[2] / "sdk"


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
