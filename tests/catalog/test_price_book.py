"""The price book: what ships, what is refused, and that a published version never changes."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import func, update

from gateway.catalog import read_toml, store
from gateway.catalog.rate import classes, prompt_cost_max, rate, rounding_slack, total_nanousd
from gateway.catalog.snapshot import Catalog
from gateway.catalog.tables import price_books
from gateway.catalog.types import TOKEN_CLASSES, Prices, Starts, Tier, TokenCounts
from gateway.errors import Conflict, NotFound, UnknownModel
from gateway.kit.db import Database
from gateway.kit.money import cost_nanousd

BOOK = read_toml.shipped()


def test_the_shipped_book() -> None:
    catalog = Catalog(BOOK)
    magistral = catalog.require("magistral-small-2509")
    for alias in ("magistral-small-latest", "magistral-small-1.2"):
        assert catalog.require(alias) is magistral
    assert (magistral.prices.input_text, magistral.prices.output_text) == (200_000_000, 600_000_000)
    assert magistral.context_tokens == 131_072
    assert magistral.upstreams == {}, "the Mistral API retired it"
    assert catalog.require("mistral-small-latest").upstreams == {"mistral": "mistral-small-2603"}
    assert magistral.operations == ("chat",)
    assert catalog.require("codestral-latest").operations == ("chat", "fim")
    embed = catalog.require("mistral-embed")
    assert (embed.id, embed.operations) == ("mistral-embed-2312", ("embeddings",))
    assert (embed.prices.input_text, embed.prices.output_max) == (100_000_000, 0)
    assert (BOOK.sign_up_nanousd, BOOK.monthly_free_nanousd) == (5 * 10**9, 10**9)
    assert BOOK.tiers == (Tier(10**8, 0), Tier(10**9, 10), Tier(10**10, 20), Tier(None, 30))
    with pytest.raises(UnknownModel, match="magistral-small-2509"):
        catalog.require("gpt-9")


GOOD = """
version = 2
effective_from = 2026-01-01T00:00:00Z
tiers = [{ discount_percent = 0 }]
[grants]
sign_up_usd = "1"
monthly_free_usd = "0"
[[models]]
id = "m"
owned_by = "me"
created = 1
context_tokens = 10
usd_per_mtok = { input = "0.10", output = "0.20", cached = "0.01" }
"""


def test_prices_left_out_follow() -> None:
    prices = read_toml.parse(GOOD, "x").models[0].prices
    assert prices == Prices(
        input_text=10**8,
        input_image=10**8,
        input_cached=10**7,
        output_text=2 * 10**8,
        output_reasoning=2 * 10**8,
    )


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("version = 2", "version = ", "Invalid value"),
        ("version = 2", "", "'version' is missing"),
        ('input = "0.10"', "input = 0.10", "Expected `str`"),
        ('input = "0.10"', 'input = "-1"', "negative"),
        ('input = "0.10"', 'input = "0.0000000001"', "US dollars"),
        (', output = "0.20"', "", "m: usd_per_mtok needs an output price"),
        (', output = "0.20"', ', output = ""', "US dollars"),
        ("context_tokens = 10", "context_tokens = 10\nchat = false", "must offer something"),
        (', output = "0.20", cached = "0.01" }', " }\nchat = false\nfim = true", "output price"),
        ("context_tokens = 10", "context_tokens = 0", "positive"),
        ("context_tokens = 10", "context_tokens = 10\nspeed = 3", "unknown field"),
        ("2026-01-01T00:00:00Z", '"soon"', "instant"),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00", "offset"),
        ('owned_by = "me"', 'owned_by = "me"\naliases = ["m"]', "occur twice: m"),
        ("[{ discount_percent = 0 }]", "[]", "last tier"),
        ("[{ discount_percent = 0 }]", "[{ up_to_tokens = 5, discount_percent = 0 }]", "last tier"),
        ("{ discount_percent = 0 }", "{ discount_percent = 101 }", "between"),
        ("[{ d", "[{ up_to_tokens = 9, discount_percent = 0 }, { up_to_tokens = 8, discount_percent = 1 }, { d", "ascending"),
    ],
)  # fmt: skip
def test_a_book_that_cannot_be_used(old: str, new: str, says: str, tmp_path: Path) -> None:
    file = tmp_path / "book.toml"
    file.write_text(GOOD.replace(old, new))
    with pytest.raises(read_toml.PriceBookError, match=says) as refusal:
        read_toml.read(file)
    assert "book.toml" in str(refusal.value)


def test_a_book_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(read_toml.PriceBookError, match="No such file"):
        read_toml.read(tmp_path / "none.toml")


def test_published_prices_are_immutable(database: Database) -> None:
    database.write_now(lambda conn: store.publish(conn, BOOK))
    database.write_now(lambda conn: store.publish(conn, BOOK))
    assert database.read_now(lambda conn: store.by_version(conn, BOOK.version)) == BOOK
    changed = msgspec.structs.replace(BOOK, sign_up_nanousd=1)
    with pytest.raises(Conflict, match="next version"):
        database.write_now(lambda conn: store.publish(conn, changed))
    with pytest.raises(NotFound):
        database.read_now(lambda conn: store.by_version(conn, 99))


def test_a_field_that_a_newer_program_adds_is_no_change(database: Database) -> None:
    database.write_now(lambda conn: store.publish(conn, BOOK))
    older = update(price_books).values(
        document=func.replace(price_books.c.document, '"template_tokens_max":256,', ""),
        sha256="from an older program",
    )
    database.write_now(lambda conn: conn.execute(older))
    database.write_now(lambda conn: store.publish(conn, BOOK))


def test_the_newest_effective_book_is_in_force(database: Database) -> None:
    with pytest.raises(NotFound, match="no price book"):
        database.read_now(lambda conn: store.in_force(conn, 10))
    for version, effective in ((1, 100), (2, 300), (3, 200), (4, 300)):
        book = msgspec.structs.replace(BOOK, version=version, effective_from_us=effective)
        database.write_now(lambda conn, book=book: store.publish(conn, book))  # type: ignore[misc]
    versions = [
        database.read_now(lambda conn, at=at: store.in_force(conn, at)).version for at in (100, 250, 300)
    ]  # type: ignore[misc]
    assert versions == [1, 3, 4]


PRICES = st.builds(Prices, **{name: st.integers(0, 10**10) for name in TOKEN_CLASSES})


@st.composite
def counts(draw: st.DrawFn) -> TokenCounts:
    inputs, outputs = draw(st.integers(0, 10**6)), draw(st.integers(0, 10**6))
    return TokenCounts(
        input_tokens=inputs,
        input_image_tokens=draw(st.integers(0, inputs)),
        input_cached_tokens=draw(st.integers(0, inputs)),
        output_tokens=outputs,
        output_reasoning_tokens=draw(st.integers(0, outputs)),
    )


def test_the_text_of_a_prompt_is_cached_before_its_images() -> None:
    found = TokenCounts(
        input_tokens=100,
        input_image_tokens=30,
        input_cached_tokens=80,
        output_tokens=9,
        output_reasoning_tokens=4,
    )
    assert list(classes(found).values()) == [0, 20, 80, 5, 4]
    found = msgspec.structs.replace(found, input_cached_tokens=60)
    assert list(classes(found).values()) == [10, 30, 60, 5, 4]


@given(counts())
def test_every_token_is_in_exactly_one_class(found: TokenCounts) -> None:
    split = classes(found)
    assert tuple(split) == TOKEN_CLASSES
    assert min(split.values()) >= 0
    assert sum(split.values()) == found.input_tokens + found.output_tokens
    assert split["input_cached"] == found.input_cached_tokens


ONE_OF_EACH = TokenCounts(
    input_tokens=3,
    input_image_tokens=1,
    input_cached_tokens=1,
    output_tokens=2,
    output_reasoning_tokens=1,
)


@given(counts(), PRICES, st.integers(0, 10**5), st.integers(0, 10**5))
@example(
    ONE_OF_EACH, Prices(**dict.fromkeys(TOKEN_CLASSES, 1)), 0, 0
)  # every class rounds up, from next to nothing
def test_no_request_within_its_bounds_costs_more_than_its_hold(
    found: TokenCounts, prices: Prices, spare: int, spare_output: int
) -> None:
    text = found.input_tokens - found.input_image_tokens
    held = prompt_cost_max(text + spare, found.input_image_tokens, prices)
    held += cost_nanousd(found.output_tokens + spare_output, prices.output_max)
    assert total_nanousd(rate(found, prices, BOOK.tiers, Starts())) <= held


def test_a_hold_has_slack_only_for_prices_that_are_no_whole_nano_dollars_per_token() -> None:
    whole = Prices(
        input_text=200_000_000,
        input_image=300_000_000,
        input_cached=10**6,
        output_text=600_000_000,
        output_reasoning=0,
    )
    assert rounding_slack(whole) == 0
    assert prompt_cost_max(10, 5, whole) == 10 * 200 + 5 * 300
    broken = msgspec.structs.replace(whole, input_cached=10**6 + 1, output_reasoning=999_999)
    assert rounding_slack(broken) == 2
    assert prompt_cost_max(10, 5, broken) == 10 * 200 + 5 * 300 + 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"input_tokens": -1},
        {"input_image_tokens": 1},
        {"input_cached_tokens": 1},
        {"output_reasoning_tokens": 1},
    ],
)
def test_counts_that_cannot_be(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="token"):
        TokenCounts(**wrong)


def test_a_model_of_embeddings_alone_needs_no_output_price() -> None:
    text = GOOD.replace(', output = "0.20"', "") + "chat = false\nembeddings = true\n"
    model = read_toml.parse(text, "x").models[0]
    assert (model.operations, model.generates) == (("embeddings",), False)
    assert (model.prices.input_text, model.prices.output_max) == (10**8, 0)
