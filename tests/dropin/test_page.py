"""docs/clients.md says what was tried, and nothing else.  Runs last: it reads how the other tests of this run ended."""

import inspect
import os

import pytest

from tests.dropin import test_clients
from tests.dropin.clients import CLIENTS
from tests.dropin.conftest import RESULTS
from tests.dropin.table import BEGIN, END, FEATURES, PAGE, render


def test_every_feature_is_a_row() -> None:
    tests = [
        name for name, _ in inspect.getmembers(test_clients, inspect.isfunction) if name.startswith("test_")
    ]
    assert {name.removeprefix("test_") for name in tests} == FEATURES.keys()
    for client in CLIENTS:
        assert {*client.lacks, *client.breaks} <= FEATURES.keys()


def test_the_page_names_the_versions_that_are_installed() -> None:
    page = PAGE.read_text("utf-8")
    for client in CLIENTS:
        assert f"| {client.column} {client.version} |" in page, "try it again: make test-dropin WRITE=1"


@pytest.mark.dropin
def test_the_table_is_what_this_run_found(request: pytest.FixtureRequest) -> None:
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    table, _, after = rest.partition(END)
    assert table and after, f"{PAGE.name} has no place for the table"
    found = render(request.config.stash[RESULTS])
    if os.environ.get("WRITE") == "1":
        PAGE.write_text(f"{before}{BEGIN}{found}{END}{after}", "utf-8")
    else:
        assert found == table, "the page says something else: make test-dropin WRITE=1"
