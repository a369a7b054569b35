"""The house plan, kept by a test: which room may import which, who may know which library, how big a file may be."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GATEWAY = ROOT / "gateway"

ROOMS = {
    "kit": {"errors"},
    "errors": set(),
    "settings": {"kit", "settings_checks"},
    "settings_checks": {"settings"},
    "accounts": {"kit", "errors"},
    "catalog": {"kit", "errors"},
    "limits": {"kit", "errors", "accounts"},
    "projects": {"kit", "errors", "accounts"},
    "keys": {"kit", "errors", "accounts", "limits", "projects"},
    "tokens": {"kit", "errors", "catalog"},
    "workers": {"kit", "errors", "catalog"},
    "credit": {"kit", "errors", "accounts"},
    "replay": {"kit", "errors", "accounts"},
    "metering": {"kit", "errors", "accounts", "catalog", "credit"},
    "rollups": {"kit", "errors", "accounts", "projects", "catalog", "credit", "keys", "metering"},
    "people": {"kit", "errors", "accounts"},
    "payments": {"kit", "errors", "accounts", "credit"},
    "invoices": {"kit", "errors", "accounts", "credit", "payments", "rollups", "statements"},
    "billing": {
        "kit",
        "errors",
        "accounts",
        "catalog",
        "credit",
        "invoices",
        "metering",
        "payments",
        "people",
    },
    "mail": {"kit", "errors"},
    "oidc": {"kit", "errors", "people"},
    "alerts": {"kit", "errors", "accounts", "statements", "credit", "keys", "mail", "people", "rollups"},
    "inference": {
        "kit",
        "errors",
        "catalog",
        "tokens",
        "credit",
        "workers",
        "metering",
        "keys",
        "replay",
        "limits",
    },
    "jobs": {
        "kit",
        "errors",
        "alerts",
        "billing",
        "catalog",
        "credit",
        "limits",
        "metering",
        "replay",
        "rollups",
        "workers",
    },
    "statements": {"kit", "errors", "accounts", "catalog", "credit", "metering", "rollups"},
    "acts": {
        "kit",
        "errors",
        "accounts",
        "alerts",
        "billing",
        "catalog",
        "credit",
        "keys",
        "limits",
        "oidc",
        "payments",
        "people",
        "projects",
        "workers",
    },
    "api": {
        "kit",
        "errors",
        "accounts",
        "acts",
        "alerts",
        "catalog",
        "keys",
        "projects",
        "tokens",
        "workers",
        "credit",
        "limits",
        "metering",
        "inference",
        "people",
        "replay",
        "statements",
        "billing",
        "invoices",
        "payments",
        "rollups",
    },
    "dashboard": {
        "kit",
        "errors",
        "accounts",
        "acts",
        "alerts",
        "api",
        "statements",
        "billing",
        "invoices",
        "payments",
        "catalog",
        "credit",
        "inference",
        "keys",
        "mail",
        "limits",
        "metering",
        "oidc",
        "people",
        "projects",
        "rollups",
    },
    "start": {"kit", "settings", "accounts", "acts", "catalog", "keys"},
    "configure": {"kit", "errors", "settings", "catalog", "workers"},
    "app": {"*"},
    "serve": {"*"},
    "demo": {"*"},
    "doctor": {"*"},
    "cli": {"*"},
}
"""The arrows: a room (or a file beside the rooms) and what of ours it may import."""

LIBRARIES = {
    "aiosmtplib": {"mail"},
    "argon2": {"people"},
    "litestar": {"api", "app", "dashboard"},
    "joserfc": {"oidc"},
    "jinja2": {"statements", "dashboard"},
    "typst": {"statements"},
    "httpx": {
        "workers",
        "oidc",
        "kit",
        "demo",
        "doctor",
    },  # kit/pinned.py: what a stranger's URL may be asked with
    "stripe": {"billing"},
    "tiktoken": {"tokens"},
    "typer": {"cli"},
    "uvicorn": {"api", "serve"},
}
"""Who may know a library; everybody else goes through them."""

LINES_PER_FILE = 300
LINES_PER_FUNCTION = 60


def python_files(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    assert found, "the search itself must not be broken"
    return found


def room_of(path: Path) -> str:
    first = path.relative_to(GATEWAY).parts[0]
    return first.removesuffix(".py")


def imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            dots = "." * node.level  # the SDK's own files import each other relatively
            names |= {f"{dots}{node.module or ''}.{alias.name}" for alias in node.names}
    return names


GATEWAY_FILES = [path for path in python_files("gateway") if path != GATEWAY / "__init__.py"]


@pytest.mark.parametrize("path", GATEWAY_FILES, ids=lambda path: str(path.relative_to(GATEWAY)))
def test_imports_run_one_way(path: Path) -> None:
    room = room_of(path)
    allowed = ROOMS[room] | {room}
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "gateway" and len(parts) > 1 and parts[1] != "__version__" and "*" not in allowed:
            assert parts[1] in allowed, f"{room} may not import {name}: see ROOMS in this file"


@pytest.mark.parametrize("path", GATEWAY_FILES, ids=lambda path: str(path.relative_to(GATEWAY)))
def test_libraries_stay_in_their_rooms(path: Path) -> None:
    room = room_of(path)
    for name in imports(path):
        library = name.split(".")[0]
        assert room in LIBRARIES.get(library, {room}), f"{room} may not know {library}"
        if library == "sqlalchemy":
            known = path.name in {"tables.py", "store.py", "health.py"} or path.parent.name == "kit"
            assert known, f"{path}: SQL lives in tables.py and store.py"


CHANGING = {
    "give", "open_account", "set_credit_limit", "create_key", "change_key", "rotate_key", "revoke_key", "create_own", "change_own", "rotate_own",
    "revoke_own", "publish", "publish_later", "save_change", "remove_change", "add_person", "change_person", "new_link", "insert_key",
    "insert_person", "insert_account", "insert_project", "change_project", "change_account_limits", "change_key_limits", "save_limits", "add_rule",
    "remove_rule", "add_target", "change_target", "send_test", "send_again", "save_auto_top_up", "remove_auto_top_up", "lift", "suspend",
    "note_intent",
}  # fmt: skip
"""What rooms offer without a line in the audit log: people reach it through acts/, which writes one."""


@pytest.mark.parametrize("path", GATEWAY_FILES, ids=lambda path: str(path.relative_to(GATEWAY)))
def test_what_people_change_goes_through_acts(path: Path) -> None:
    if room_of(path) not in {"api", "cli", "dashboard", "start", "serve", "demo", "doctor"}:
        return
    known = {
        "gateway.acts." + name
        for name in (
            "accounts",
            "alerts",
            "keys",
            "limits",
            "payments",
            "prices",
            "projects",
            "workers",
            "people",
        )
    }
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            taken = {alias.name for alias in node.names} & CHANGING
            assert not taken or node.module in known, f"{path}: take {taken} from gateway.acts, which logs it"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr in CHANGING:
            assert node.value.id == "acts" or (path.name, node.attr) in LOGGED_BESIDE, (
                f"{path}:{node.lineno} {node.attr} leaves no line in the audit log: use gateway.acts"
            )


LOGGED_BESIDE = {("sign_in.py", "change_person")}
"""Their own password: the line is written beside it."""


def test_the_sdk_never_imports_the_gateway() -> None:
    for path in python_files("sdk"):
        assert not any(name.split(".")[0] == "gateway" for name in imports(path)), path


@pytest.mark.parametrize(
    "path",
    python_files("gateway", "sdk", "tests", "migrations"),
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.count("\n") <= LINES_PER_FILE, f"{path} is crowded: redesign the room"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            assert lines <= LINES_PER_FUNCTION, f"{path}:{node.lineno} {node.name} has {lines} lines"


@pytest.mark.parametrize("path", GATEWAY_FILES, ids=lambda path: str(path.relative_to(GATEWAY)))
def test_no_file_is_named_for_nothing(path: Path) -> None:
    assert path.stem not in {"utils", "helpers", "service", "manager", "misc", "common"}


def test_every_folder_of_tests_is_a_package() -> None:
    """Two test files may share a name only in packages; without, a run of all stops at the second."""
    for folder in {path.parent for path in python_files("tests") if path.name.startswith("test_")}:
        assert (folder / "__init__.py").exists(), f"{folder} needs an empty __init__.py"


def test_money_never_meets_a_float() -> None:
    for path in [
        *python_files(
            "gateway/alerts", "gateway/credit", "gateway/catalog", "gateway/metering", "gateway/statements"
        ),
        GATEWAY / "kit/money.py",
    ]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            is_float = isinstance(node, ast.Constant) and isinstance(node.value, float)
            is_name = isinstance(node, ast.Name) and node.id == "float"
            is_division = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)
            assert not (is_float or is_name or is_division), (
                f"{path}:{getattr(node, 'lineno', 0)} has a float"
            )
