"""`tollway-gateway rerate`: what a month would have cost under another price book.  A dry run; nothing is written."""

import msgspec

from gateway.accounts.types import Account
from gateway.catalog.rate import rate, total_nanousd
from gateway.catalog.types import PriceBook, Starts
from gateway.kit.db import ReadConn
from gateway.metering import store
from gateway.metering.types import BILLED


class Rerated(msgspec.Struct, kw_only=True):
    """An account's requests to one model.  `other_nanousd` is None where the other book has no price for it."""

    account: str
    model: str
    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_nanousd: int = 0
    other_nanousd: int | None = 0


def rerate(
    conn: ReadConn, accounts: list[Account], begin_us: int, end_us: int, other: PriceBook
) -> list[Rerated]:
    """Each request keeps its place in the month's volume, so the other book's discounts are the real ones."""
    models = {model.id: model for model in other.models}
    found: dict[tuple[str, str], Rerated] = {}
    for account in accounts:
        for event, _ in store.walk_between(conn, account.id, begin_us, end_us):
            row = found.setdefault(
                (account.name, event.model), Rerated(account=account.name, model=event.model)
            )
            row.requests += 1
            row.input_tokens += event.input_tokens
            row.output_tokens += event.output_tokens
            row.cost_nanousd += event.cost_nanousd
            if event.model not in models:
                row.other_nanousd = None
            elif event.outcome in BILLED and row.other_nanousd is not None:
                prices, starts = models[event.model].prices, event.starts or Starts()
                row.other_nanousd += total_nanousd(rate(event.counts, prices, other.tiers, starts))
    return [found[key] for key in sorted(found)]
