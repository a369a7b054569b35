"""A book that is written as TOML is read as the same book."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from gateway.catalog.read_toml import parse, shipped
from gateway.catalog.types import Model, PriceBook, Prices, SystemChunk, Tier
from gateway.catalog.write_toml import write

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
MONEY = st.integers(0, 10**12)
PRICES = st.builds(
    Prices, input_text=MONEY, input_image=MONEY, input_cached=MONEY, output_text=MONEY, output_reasoning=MONEY
)
MODEL = st.builds(
    Model, id=TEXT, prices=PRICES, context_tokens=st.integers(1, 10**9), created=st.integers(0, 2**40), owned_by=TEXT,
    description=TEXT, aliases=st.tuples(TEXT), vision=st.booleans(), tokenizer=TEXT, chat=st.just(value=True),
    fim=st.booleans(), believed_kinds=st.lists(TEXT, max_size=2).map(tuple), upstreams=st.dictionaries(TEXT, TEXT, max_size=2),
    default_system_prompt=st.lists(st.builds(SystemChunk, text=TEXT, thinking=TEXT), max_size=2).map(tuple),
)  # fmt: skip


def again(book: PriceBook) -> PriceBook:
    return parse(write(book), "written")


def test_the_shipped_book() -> None:
    assert again(shipped()) == shipped()
    assert 'usd_per_mtok = { input = "0.20", output = "0.60" }' in write(shipped())
    assert "effective_from = 2026-01-01T00:00:00Z\n" in write(shipped())


@given(MODEL, MONEY, st.integers(0, 4 * 10**15), st.integers(1, 10**12))
def test_any_book(model: Model, credit: int, from_us: int, tokens: int) -> None:
    if model.id in model.aliases:
        model = msgspec.structs.replace(model, aliases=())
    book = PriceBook(version=7, effective_from_us=from_us, sign_up_nanousd=credit, monthly_free_nanousd=0,
                     tiers=(Tier(tokens, 0), Tier(None, 30)), models=(model,))  # fmt: skip
    assert again(book) == book


def test_a_model_that_generates_nothing_needs_no_price_for_it() -> None:
    free = Prices(input_text=1, input_image=1, input_cached=1, output_text=0, output_reasoning=0)
    for prices in (free, msgspec.structs.replace(free, output_text=2)):
        model = Model(
            id="e", prices=prices, context_tokens=1, created=1, owned_by="me", chat=False, embeddings=True
        )
        book = msgspec.structs.replace(shipped(), models=(model,))
        assert again(book) == book
