"""`tollway-gateway audit`: derive every balance and receipt again from the immutable rows, and name what differs.

What it proves (P5): each event's cost follows from its counts, its price book and its place in the month's volume, and
it is linked to the event before it; the places are disjoint and without gaps; each counter is the sum of its rows, of
accounts, grants, keys, projects and volumes; nobody overspent (P1); what is held belongs to processes that may still be alive.
"""

from collections import Counter
from collections.abc import Iterator
from functools import cache

import msgspec

from gateway.accounts.store import list_accounts
from gateway.accounts.types import Account
from gateway.catalog import store as catalog
from gateway.catalog.rate import classes, rate, total_nanousd
from gateway.catalog.types import Prices, Starts, Tier
from gateway.credit import store as credit
from gateway.credit.draw import periods_of
from gateway.errors import NotFound
from gateway.kit.clock import rfc3339
from gateway.kit.db import ReadConn
from gateway.metering import store
from gateway.metering.chain import GENESIS, link
from gateway.metering.types import BILLED, UsageEvent

EXPIRY_GRACE_US = 60_000_000
"""How long a dead process's leases are still no finding: the job that gives them back runs every 15 s."""


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
    for process_id in credit.dead_processes(conn, now_us - EXPIRY_GRACE_US):
        problem = "this process died, and what it held was not given back: is a gateway running?"
        differences.append(Difference("", process_id, problem))
    return Report(len(found), auditor.events, auditor.settled_nanousd, tuple(differences))


class _Auditor:
    def __init__(self, conn: ReadConn, now_us: int) -> None:
        self._conn = conn
        self._now_us = now_us
        self._book = cache(self._read_book)
        self.events = 0
        self.settled_nanousd = 0

    def account(self, account: Account) -> Iterator[Difference]:
        def differs(where: str, problem: str) -> Difference:
            return Difference(account.name, where, problem)

        volumes: Counter[tuple[str, str, str]] = Counter()
        spent: Counter[tuple[str, str]] = Counter()
        paid = Counter[str]()
        for use in credit.uses_of(self._conn, account.id):
            paid[use.used_by] += use.amount_nanousd
        total, before, last = 0, GENESIS, 0
        for event, place in store.walk_chain(self._conn, account.id):
            self.events += 1
            total += event.cost_nanousd
            spent.update(dict.fromkeys(_counted_in(event), event.cost_nanousd))
            where = event.request_id
            if place.account_seq != last + 1:
                yield differs(where, f"receipt {last + 1} is missing: this one is {place.account_seq}")
            expected = link(before, place.account_seq, msgspec.structs.asdict(event))
            if place.chain_hash != expected:
                yield differs(where, "its hash does not follow from its fields and the receipt before it")
            before, last = place.chain_hash, place.account_seq
            rated = self._rate(event)
            if rated != event.cost_nanousd:
                yield differs(where, f"costs {event.cost_nanousd}, but its counts are worth {rated}")
            for name, begin, at in _claims(event, volumes):
                if begin != at:
                    yield differs(where, f"its {name} begin at {begin} of the month's volume, not at {at}")
            if paid[where] > event.cost_nanousd:
                yield differs(where, f"costs {event.cost_nanousd}, but grants paid {paid[where]} for it")
        self.settled_nanousd += total
        yield from self._balance(account, total, (last, before))
        yield from self._volumes(account, volumes)
        yield from self._counters(account, spent)

    def _balance(self, account: Account, total: int, chain: tuple[int, str]) -> Iterator[Difference]:
        balance = credit.read_balance(self._conn, account.id)
        if balance is None:
            yield Difference(account.name, "balances", "has no balance")
            return
        sums = credit.sum_rows(self._conn, account.id)
        for name, counter, rows in (
            ("granted", balance.granted_nanousd, sums.granted_nanousd),
            ("settled", balance.settled_nanousd, total),
            ("held", balance.held_nanousd, sums.held_nanousd),
            ("left of grants", sums.left_nanousd, max(0, balance.granted_nanousd - balance.settled_nanousd)),
            ("used of grants", sums.opened_nanousd - sums.left_nanousd, sums.used_nanousd),
        ):
            if counter != rows:
                yield Difference(
                    account.name, "balances", f"{name} is {counter}, but its rows add up to {rows}"
                )
        if (balance.chain_seq, balance.chain_hash or GENESIS) != chain:
            yield Difference(
                account.name, "balances", f"the last receipt should be {balance.chain_seq}, not {chain[0]}"
            )
        if balance.available_nanousd < 0:
            yield Difference(account.name, "balances", f"overspent by {-balance.available_nanousd}")

    def _volumes(self, account: Account, claimed: Counter[tuple[str, str, str]]) -> Iterator[Difference]:
        counters = {
            (counter.month, counter.model, counter.token_class): counter.tokens
            for counter in store.list_tier_counters(self._conn, account.id)
        }
        for place in sorted(counters.keys() | claimed.keys()):
            if counters.get(place, 0) != claimed[place]:
                where = " ".join(place)
                yield Difference(
                    account.name,
                    where,
                    f"the month's volume is {counters.get(place, 0)}, but its receipts claim {claimed[place]}",
                )

    def _counters(self, account: Account, spent: Counter[tuple[str, str]]) -> Iterator[Difference]:
        """Of each key and each project, in each period: what its requests cost, and what leases hold of it."""
        held: Counter[tuple[str, str]] = Counter()
        for lease, amount in credit.list_leases(self._conn, account.id):
            for subject in lease.subjects:
                for period in periods_of(lease.day_us):
                    held[subject, period] += amount
        counters = {
            (each.subject_id, each.period): (each.settled_nanousd, each.held_nanousd)
            for each in credit.list_counters(self._conn, account.id)
        }
        for place in sorted(counters.keys() | spent.keys() | held.keys()):
            known = counters.get(place, (0, 0))
            for name, counter, rows in (
                ("settled", known[0], spent[place]),
                ("held", known[1], held[place]),
            ):
                if counter != rows:
                    problem = f"{name} is {counter}, but its rows add up to {rows}"
                    yield Difference(account.name, " ".join(place), problem)

    def _rate(self, event: UsageEvent) -> int | None:
        if event.outcome not in BILLED:
            return 0
        found = self._book(event.price_version).get(event.model)
        if found is None:
            return None
        prices, tiers = found
        return total_nanousd(rate(event.counts, prices, tiers, event.starts or Starts()))

    def _read_book(self, version: int) -> dict[str, tuple[Prices, tuple[Tier, ...]]]:
        try:
            book = catalog.by_version(self._conn, version)
        except NotFound:
            return {}
        return {model.id: (model.prices, book.tiers) for model in book.models}


def _claims(event: UsageEvent, volumes: Counter[tuple[str, str, str]]) -> Iterator[tuple[str, int, int]]:
    """The ranges that an event claims of the month's volume: class, where it says it begins, and where it should."""
    if event.starts is None:
        return
    month = rfc3339(event.created_us)[:7]
    for name, tokens in classes(event.counts).items():
        place = (month, event.model, name)
        yield name, getattr(event.starts, name), volumes[place]
        if tokens:
            volumes[place] += tokens


def _counted_in(event: UsageEvent) -> Iterator[tuple[str, str]]:
    """The counters that an event's cost is in.  From before there were volumes it is in no day's or month's."""
    periods = ("total",) if event.starts is None else periods_of(event.created_us)
    for subject in (event.key_id, event.project_id):
        if subject is not None:
            for period in periods:
                yield subject, period
