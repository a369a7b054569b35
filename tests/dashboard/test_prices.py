"""The operator's page of prices: tried, published once, and nothing lost of what was typed wrongly."""

import html
import re
from collections.abc import Iterator

import httpx
import pytest

from gateway.catalog import store as catalog
from gateway.catalog.read_toml import parse
from gateway.kit.clock import rfc3339
from gateway.people import store as people
from gateway.people.types import Lines
from gateway.statements.words import exact
from tests.dashboard.browsing import Browser, signed_in
from tests.dashboard.test_pages import ask
from tests.fixtures.running import RunningGateway, eventually
from tests.fixtures.scripted import ScriptedWorker

PAGE = "/dashboard/operator/prices"


@pytest.fixture(scope="module")
def site(worker: ScriptedWorker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with RunningGateway(tmp_path_factory.mktemp("prices"), worker.url) as running:
        yield running


@pytest.fixture(scope="module")
def operator(site: RunningGateway) -> Iterator[Browser]:
    with signed_in(site, "op@example.com", operator=True) as browser:
        yield browser


def proposed(page: str) -> str:
    found = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", page, re.DOTALL)
    assert found is not None
    return html.unescape(found[1])


def tried(operator: Browser, toml: str) -> httpx.Response:
    return operator.fill(PAGE, f"{PAGE}/try", toml=toml)


def published(operator: Browser, toml: str, **fields: str) -> httpx.Response:
    csrf = re.search(r'name="csrf" value="(\w+)"', operator.page(PAGE))
    assert csrf is not None
    return operator.post(PAGE, data={"csrf": csrf[1], "toml": toml, **fields})


def versions(site: RunningGateway) -> list[int]:
    return [book.version for book in site.database.read_now(catalog.list_books)]


def test_a_change_is_tried_and_published(site: RunningGateway, operator: Browser) -> None:
    cost = ask(site, site.account("acme")).cost.nanousd
    toml = proposed(operator.page(PAGE))
    book, in_force = parse(toml, "page"), site.database.read_now(catalog.list_books)[-1]
    assert (book.version, book.models) == (in_force.version + 1, in_force.models)
    dearer = toml.replace('{ input = "0.20", output = "0.60" }', '{ input = "0.40", output = "1.20" }')
    eventually(lambda: exact(2 * cost) in tried(operator, dearer).text, "the request is in the sums")
    page = tried(operator, dearer)
    assert page.status_code == 200
    shown = page.text.split("Last month, had")[0]
    assert "acme" in shown
    assert f'title="{exact(cost)}"' in shown, "what it cost, and the difference"
    assert '<td class="n">$0.60</td><td class="n">$1.20</td>' in shown
    assert "Nobody asked anything then" in page.text, "last month"
    assert proposed(page.text) == dearer.rstrip("\n")
    assert versions(site) == [in_force.version], "nothing is written"

    again = {"sure": f"version {book.version}", "effective_from": "2099-03-01T00:00"}
    answer = published(operator, dearer, **again)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}?published={book.version}")
    assert f"Version {book.version} is published" in operator.page(answer.headers["location"])
    newest = site.database.read_now(catalog.list_books)[-1]
    assert (newest.version, rfc3339(newest.effective_from_us)[:16]) == (book.version, "2099-03-01T00:00")
    assert newest.models[0].prices.input_text == 400_000_000
    [line] = site.database.read_now(lambda conn: people.list_entries(conn, Lines(action="prices."), limit=2))[
        :1
    ]
    assert (line.actor, line.target) == ("op@example.com", f"version {book.version}")
    assert parse(proposed(operator.page(PAGE)), "page").version == book.version + 1


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (("version = ", "version = = "), "Invalid value"),
        (('input = "0.20"', 'input = "a lot"'), "not an amount in US dollars"),
        (("[grants]", "[presents]"), "is missing"),
    ],
)
def test_a_book_that_is_none(
    site: RunningGateway, operator: Browser, broken: tuple[str, str], says: str
) -> None:
    toml = "# mine <b>\n" + proposed(operator.page(PAGE)).replace(*broken)
    before = versions(site)
    for answer in (tried(operator, toml), published(operator, toml, sure="version 1")):
        assert answer.status_code == 400
        assert says in html.unescape(answer.text)
        assert proposed(answer.text) == toml.rstrip("\n"), "nothing is lost of what was typed"
        assert "Nothing was published" in answer.text
        assert "<b>" not in answer.text
    assert versions(site) == before


def test_what_cannot_be_published(site: RunningGateway, operator: Browser) -> None:
    toml, before = proposed(operator.page(PAGE)), versions(site)
    book = parse(toml, "page")
    sure, later = f"version {book.version}", "2099-04-01T00:00:00"
    old = toml.replace(f"version = {book.version}", "version = 3", 1)
    for text, given, says, status in (
        (toml, {"effective_from": later}, "tick the box", 400),
        (toml, {"effective_from": later, "sure": "version 3"}, "tick the box", 400),
        (toml, {"effective_from": "2020-01-01T00:00", "sure": sure}, "takes effect in the future", 400),
        (toml, {"effective_from": "soon", "sure": sure}, "'soon' is no date", 400),
        (old, {"effective_from": later, "sure": "version 3"}, "published with other contents", 409),
    ):
        answer = published(operator, text, **given)
        assert (answer.status_code, says in html.unescape(answer.text)) == (status, True), says
        assert proposed(answer.text) == text.rstrip("\n")
        assert f"Publish version {parse(text, 'typed').version}" in answer.text, (
            "what it would do is still there"
        )
    assert versions(site) == before


def test_discounts_and_models_that_come_and_go(operator: Browser) -> None:
    toml = proposed(operator.page(PAGE))
    changed = toml.replace("discount_percent = 10", "discount_percent = 15").replace(
        'id = "ministral-3b-2512"', 'id = "ministral-3b-2612"'
    )
    shown = tried(operator, changed).text.split("Publish version")[0]
    assert "Discounts then" in shown
    assert "−15 %" in shown
    assert (
        '<td>ministral-3b-2512</td><td>Input, text</td><td class="n">$0.10</td><td class="n">–</td>' in shown
    )
    assert (
        '<td>ministral-3b-2612</td><td>Input, text</td><td class="n">–</td><td class="n">$0.10</td>' in shown
    )
    assert "No price differs" in tried(operator, toml).text
