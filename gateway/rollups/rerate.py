"""What a month would have cost everybody under another price book: from the month's sums, without reading an event.

A request pays F(end) - F(start) of its account's month, model and token class (catalog/rate.py), so a month's requests
pay F of all their tokens, rounded up once, whichever book F is of.  The sum is therefore what rating each of them again
would come to, to the nano-dollar.  Only requests from before volumes were counted have no place in their month: rated
one by one, those take no discount, and are rounded up each.
"""

from collections import defaultdict

import msgspec

from gateway.accounts import store as accounts
from gateway.catalog.rate import graduated
from gateway.catalog.types import PriceBook
from gateway.kit.db import ReadConn
from gateway.rollups import store
from gateway.rollups.types import DryRun, Rerated

BEHIND_MAX = 100_000
"""Accounts that were active within a second."""


def dry_run(conn: ReadConn, month: int, other: PriceBook, limit: int) -> DryRun:
    """Of the month's number since 1970-01: the accounts for whom it differs most, at most `limit`, and the total of all."""
    prices = {model.id: model.prices for model in other.models}
    found: dict[str, Rerated] = defaultdict(Rerated)
    unpriced: dict[str, int] = defaultdict(int)
    for line in store.sum_lines(conn, month):
        row = found[line.account_id]
        if line.model not in prices:
            unpriced[line.model] += line.cost_nanousd
            added = Rerated(unpriced_nanousd=line.cost_nanousd)
        else:
            price = getattr(prices[line.model], line.token_class)
            added = Rerated(line.cost_nanousd, graduated(line.tokens, price, other.tiers))
        found[line.account_id] = row + added
    order = sorted(found, key=lambda account: (-abs(found[account].difference_nanousd), account))[:limit]
    names = accounts.names_of(conn, order)
    behind = store.list_behind(conn, BEHIND_MAX)
    return DryRun(
        month=month,
        accounts=tuple(
            msgspec.structs.replace(found[each], account_id=each, name=names[each]) for each in order
        ),
        of=len(found),
        total=sum(found.values(), Rerated()),
        unpriced=dict(sorted(unpriced.items())),
        behind=sum(each.head - each.done for each in behind),
    )
