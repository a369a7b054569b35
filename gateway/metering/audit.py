"""`tollway-gateway audit`: derive every balance and receipt again from the immutable rows, and name what differs.

What it proves (P5): each event's cost follows from its counts and its price book, is what was taken from its hold,
and is linked to the event before it; each counter of a balance is the sum of its rows; nobody overspent (P1); what is
held belongs to holds that may still be alive.
"""

from collections.abc import Iterator
from functools import cache

import msgspec

from gateway.accounts.store import list_accounts
from gateway.accounts.types import Account
from gateway.catalog import store as catalog
from gateway.catalog.rate import rate, total_nanousd
from gateway.catalog.types import Prices
from gateway.credit import store as credit
from gateway.errors import NotFound
from gateway.kit.db import ReadConn
from gateway.metering import store
from gateway.metering.chain import GENESIS, link
from gateway.metering.types import BILLED, UsageEvent


class Difference(msgspec.Struct, frozen=True):
    """Something that should be equal and is not; `where` names the row."""

    account: str
    where: str
    problem: str


class Report(msgspec.Struct, frozen=True):
    accounts: int
    events: int
    settled_nanousd: int
    differences: tuple[Difference, ...]


def audit(conn: ReadConn, now_us: int) -> Report:
    """Reads everything once, in one transaction."""
    auditor = _Auditor(conn, now_us)
    found = list_accounts(conn)
    differences = [difference for account in found for difference in auditor.account(account)]
    return Report(len(found), auditor.events, auditor.settled_nanousd, tuple(differences))


class _Auditor:
    def __init__(self, conn: ReadConn, now_us: int) -> None:
        self._conn = conn
        self._now_us = now_us
        self._prices = cache(self._read_prices)
        self.events = 0
        self.settled_nanousd = 0

    def account(self, account: Account) -> Iterator[Difference]:
        def differs(where: str, problem: str) -> Difference:
            return Difference(account.name, where, problem)

        posted = credit.posted_amounts(self._conn, account.id)
        total, before, last = 0, GENESIS, 0
        for event, place in store.walk_chain(self._conn, account.id):
            self.events += 1
            total += event.cost_nanousd
            if place.account_seq != last + 1:
                yield differs(
                    event.request_id, f"receipt {last + 1} is missing: this one is {place.account_seq}"
                )
            expected = link(before, place.account_seq, msgspec.structs.asdict(event))
            if place.chain_hash != expected:
                yield differs(
                    event.request_id, "its hash does not follow from its fields and the receipt before it"
                )
            before, last = place.chain_hash, place.account_seq
            rated = self._rate(event)
            if rated != event.cost_nanousd:
                yield differs(
                    event.request_id, f"costs {event.cost_nanousd}, but its counts are worth {rated}"
                )
            taken = posted.pop(event.request_id, None)
            if taken != event.cost_nanousd:
                yield differs(
                    event.request_id, f"costs {event.cost_nanousd}, but {taken} was taken from its hold"
                )
        for request_id, amount in posted.items():
            yield differs(request_id, f"{amount} was taken from its hold, but there is no event")
        self.settled_nanousd += total
        yield from self._balance(account, total)

    def _balance(self, account: Account, total: int) -> Iterator[Difference]:
        balance = credit.read_balance(self._conn, account.id)
        if balance is None:
            yield Difference(account.name, "balances", "has no balance")
            return
        sums = credit.sum_rows(self._conn, account.id)
        for name, counter, rows in (
            ("granted", balance.granted_nanousd, sums.granted_nanousd),
            ("settled", balance.settled_nanousd, sums.settled_nanousd),
            ("held", balance.held_nanousd, sums.held_nanousd),
            ("settled", balance.settled_nanousd, total),
        ):
            if counter != rows:
                yield Difference(
                    account.name, "balances", f"{name} is {counter}, but its rows add up to {rows}"
                )
        if balance.available_nanousd < 0:
            yield Difference(account.name, "balances", f"overspent by {-balance.available_nanousd}")
        dead = credit.dead_holds(self._conn, account.id, self._now_us)
        for request_id in dead:
            yield Difference(
                account.name, request_id, "its hold expired and was not given back: is a gateway running?"
            )

    def _rate(self, event: UsageEvent) -> int | None:
        if event.outcome not in BILLED:
            return 0
        prices = self._prices(event.price_version).get(event.model)
        return None if prices is None else total_nanousd(rate(event.counts, prices))

    def _read_prices(self, version: int) -> dict[str, Prices]:
        try:
            return {model.id: model.prices for model in catalog.by_version(self._conn, version).models}
        except NotFound:
            return {}
