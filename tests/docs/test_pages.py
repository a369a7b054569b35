"""Every python block of the pages runs, in order, in one namespace per page, against a real gateway."""

import os
import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.capable import CapableWorker
from tests.fixtures.running import RunningGateway
from tests.tokens.pictures import encoded

Name = Callable[[], str]
ROOT = Path(__file__).parents[2]
PAGES = ["README.md", "sdk/README.md", "examples/README.md"] + [
    str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").rglob("*.md"))
]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)

NOT_RUN: dict[str, str] = {}
"""A block's first line, and why it cannot run here."""


def blocks(page: str) -> list[tuple[int, str]]:
    """The number of each block's first line, and the block."""
    text = (ROOT / page).read_text("utf-8")
    return [(text[: found.start(1)].count("\n"), found[1]) for found in BLOCK.finditer(text)]


WITH_BLOCKS = [page for page in PAGES if blocks(page)]


@pytest.fixture
def reader(
    capable_gateway: RunningGateway, fresh: Name, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> str:
    """The account of somebody with a key and a gateway in the environment, in a folder with a picture."""
    name = fresh()
    monkeypatch.setenv("TOLLWAY_API_KEY", capable_gateway.account(name))
    monkeypatch.setenv("TOLLWAY_BASE_URL", capable_gateway.url)
    monkeypatch.setenv("TOLLWAY_ADMIN_KEY", capable_gateway.operator())
    monkeypatch.chdir(tmp_path)
    (tmp_path / "meter.png").write_bytes(encoded("PNG", 320, 200))
    return name


def run(page: str) -> None:
    names: dict[str, Any] = {"__name__": "a_page"}
    for line, block in blocks(page):
        if block.splitlines()[0] not in NOT_RUN:
            code = block.replace("http://127.0.0.1:8080", os.environ["TOLLWAY_BASE_URL"])
            code = code.replace("tw_…", os.environ["TOLLWAY_API_KEY"])
            code = code.replace("noether", f"acct-{uuid.uuid4().hex[:8]}")
            exec(compile("\n" * line + code, page, "exec"), names)
    names["client"].close()


@pytest.mark.parametrize("page", WITH_BLOCKS)
def test_its_blocks_run_and_are_billed(
    page: str, reader: str, capable: CapableWorker, capable_gateway: RunningGateway
) -> None:
    before = len(capable.seen)
    run(page)
    settled = capable_gateway.settled_up(reader).settled_nanousd
    events = capable_gateway.events(reader)
    assert len(events) == len(capable.seen) - before > 0
    assert {event.outcome for event in events} == {"completed"}
    assert settled == sum(event.cost_nanousd for event in events)


def test_what_the_sdks_readme_prints(
    reader: str, capable: CapableWorker, capsys: pytest.CaptureFixture[str]
) -> None:
    """Line by line, so that no block is right by saying nothing."""
    run("sdk/README.md")
    day, when, usd = r"2\d{3}-\d\d-\d\d", r"2\d{3}\S+Z", r"\$0\.\d{9}"
    receipt = f"{when} magistral-small-2509 {usd}\n"
    expected = (
        rf"Because each one pays\. {usd}\n"
        rf"133 input_text 0\.200000000 {usd}\n4 output_text 0\.600000000 {usd}\n3 output_reasoning 0\.600000000 {usd}\n"
        rf"{usd}\n131 {usd}\n{usd} {usd}\n{day} 3 393 21 {usd}\n{receipt * 3}"
        rf"Because each one pays\.{usd}\n\(Let \)\(me \)\(think\. \)Because each one pays\."
        rf"Because each one pays\.\n5 {usd}\nThe tool says: 15 dollars\n"
        rf"    return 3 \* axles\n\n\(0\.0, 0\.0, 0\.0\)\n4\n\['tw_\w+…'\]\n{usd} {usd}\n"
        rf"\$25\.0{{9}} 20\.0{{9}}\n(?:[\w-]+ \d+ {usd}\n)+True\n"
    )
    assert re.fullmatch(expected, capsys.readouterr().out)


def test_pages_are_found_and_none_is_on_the_list_for_nothing() -> None:
    assert {"README.md", "sdk/README.md"} <= set(WITH_BLOCKS)
    assert NOT_RUN.keys() <= {block.splitlines()[0] for page in WITH_BLOCKS for _, block in blocks(page)}
