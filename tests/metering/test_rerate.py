"""What a month would have cost under another book: the same ranges of volume, other prices and discounts."""

import msgspec

from gateway.accounts.store import list_accounts
from gateway.catalog.types import Tier
from gateway.metering.rerate import Rerated, rerate
from tests.fixtures.ledger import FEBRUARY, JANUARY, TIERED, Books, order, serve


def test_a_dry_run(books: Books) -> None:
    owner, writer = books.account(10**9), books.writer()
    books.do(serve(writer, books, order(owner, tokens=200), tokens=150))
    hold = books.do(writer.hold(order(owner)))
    books.do(writer.charge(books.charge(hold, outcome="worker_failed")))
    accounts = books.database.read_now(list_accounts)

    def under(**changes: object) -> list[Rerated]:
        other = msgspec.structs.replace(TIERED, **changes)
        return books.database.read_now(lambda conn: rerate(conn, accounts, JANUARY, FEBRUARY, other))

    (same,) = under()
    assert same.requests == 2
    assert same.cost_nanousd == same.other_nanousd == 5 * 200 + 100 * 600 + 50 * 540
    (flat,) = under(tiers=(Tier(None, 0),))
    assert flat.other_nanousd == 5 * 200 + 150 * 600
    (gone,) = under(models=TIERED.models[1:])
    assert (gone.other_nanousd, gone.cost_nanousd) == (None, same.cost_nanousd)
    assert books.database.read_now(lambda conn: rerate(conn, accounts, 0, 1, TIERED)) == []
