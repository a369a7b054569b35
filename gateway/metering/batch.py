"""What the writer hands to one transaction of the ledger, and what it gets back: frozen values."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from gateway.catalog.types import CostLine, Prices, Tier
from gateway.credit.types import GrantUse, Hold, LeaseId, Order
from gateway.errors import TollwayError
from gateway.kit.db import WriteConn
from gateway.metering.types import UsageEvent


class ProcessLost(TollwayError):
    """The process was silent past its deadline, and what it held was given back: its running requests end unbilled."""

    status, code, retryable = 503, "hold_lost", True


class Booked(msgspec.Struct, frozen=True):
    """How an event went into the ledger: its number in its account's chain, the lines of its bill, which grants paid."""

    account_seq: int
    lines: tuple[CostLine, ...]
    uses: list[GrantUse]


class Settled(msgspec.Struct, frozen=True):
    """What was really charged, and what the account has left.  `booked`: None where that was done by a commit nobody heard of."""

    event: UsageEvent
    remaining_nanousd: int
    booked: Booked | None = None


class Bill(asyncio.Future[Settled]):
    """A charge under way.  Cancelling who waits for it does not undo it: that ends only once it is known what was charged."""

    def cancel(self, msg: Any = None) -> bool:  # noqa: ARG002 - asyncio's signature
        return False


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """A request that ended.  `keep` runs in the same transaction: what must stand or fall with the bill."""

    hold: Hold
    event: UsageEvent
    prices: Prices
    tiers: tuple[Tier, ...]
    keep: Callable[[WriteConn, Settled], None] | None = None


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A request that wants credit, and began (for the day and month of its caps) at `begun_us`."""

    order: Order
    lease_id: LeaseId
    begun_us: int


class LeaseState(msgspec.Struct, frozen=True, kw_only=True):
    """A lease as its process knows it.  `frozen`: its process gives nothing out of it meanwhile, so it may shrink."""

    held_nanousd: int
    pinned_nanousd: int
    hold_max_nanousd: int
    frozen: bool


class LeaseAfter(msgspec.Struct, frozen=True):
    held_nanousd: int
    usable_until_us: int
    generous: bool


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """`spare`: whether leases may hold more than is pinned (not when the process is about to stop)."""

    process_id: str
    number: int
    now_us: int
    expires_us: int
    charges: tuple[Charge, ...] = ()
    asks: tuple[Ask, ...] = ()
    leases: dict[LeaseId, LeaseState] = {}
    spare: frozenset[LeaseId] = frozenset()


Answer = int | TollwayError | None
"""To an ask: how many tokens of answer are held, or why none are; None: there is no plenty, ask exactly."""


class Committed(msgspec.Struct, frozen=True, kw_only=True):
    settled: tuple[Settled, ...]
    answers: tuple[Answer, ...]
    leases: dict[LeaseId, LeaseAfter]
