"""The one writer of a process: gathers what ended and who wants credit, and commits it batch by batch.

While one batch commits the next one gathers; nobody sleeps to fill a batch.  In the steady state a request's hold
comes out of a lease in memory, so the database hears of a request once, after its answer: in a batch with others.

Failure mode: closed.  A batch that cannot be committed charges nobody, its requests learn so, and no new work is
taken until the ledger can be written again.  What is waiting is bounded: beyond `ASKS_MAX` requests are refused.
"""

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from gateway.credit.draw import cost_of
from gateway.credit.lease import Leases, lease_id_of
from gateway.credit.types import Hold, LeaseId, Order
from gateway.errors import InsufficientCredit, StorageUnavailable, TollwayError
from gateway.kit.clock import now_us
from gateway.kit.db import Database
from gateway.kit.ids import new_id
from gateway.kit.log import logger
from gateway.metering.batch import Ask, Batch, Bill, Charge, Committed, LeaseState, ProcessLost, Settled
from gateway.metering.commit import commit, release, state_of

ASKS_MAX = 4096
"""Requests that may wait for credit at once."""
ENTRIES_MAX = 512
"""What one transaction takes: it should not make those behind it wait."""
_GIVEN_BACK = "the credit of this request was given back; nothing was charged"

_Asked = tuple[Ask, asyncio.Future[Hold | None]]
_Charged = tuple[Charge, Bill]


class Writer:
    """`hold` before the work, `charge` after it, `extend` in between.  One event loop, one of these."""

    def __init__(self, database: Database, *, lease_ttl_us: int, clock: Callable[[], int] = now_us) -> None:
        self._database = database
        self._ttl_us = lease_ttl_us
        self._clock = clock
        self._leases = Leases(new_id("prc"))
        self._number = 0
        self._heard_us = 0
        self._asked: list[_Asked] = []
        self._charged: list[_Charged] = []
        self._idle: set[LeaseId] = set()
        self._task: asyncio.Task[None] | None = None
        self.told: Callable[[Sequence[Settled]], None] | None = None
        """Is given what each batch settled, in the order of the chains: later, so that it cannot undo a bill."""
        self._alone = 0
        """How many entries still go one by one: a batch was refused for one of them."""
        self._closing = False
        self._refusal: StorageUnavailable | None = None
        """Why no new work is taken: the last batch could not be committed."""
        self._certain = True
        """Whether what is known of the leases is what the database has."""

    @property
    def process_id(self) -> str:
        return self._leases.process_id

    async def hold_bound(self, order: Order) -> Hold | None:
        """Credit for a request by an upper bound, where there is plenty; None: count exactly, and ask with `hold`.  Raises as `hold`."""
        return await self._hold(order, self._clock(), plenty=True)

    async def hold(self, order: Order) -> Hold:
        """Credit for a request, from the database unless a lease has it: all of it, or what there is.

        Raises:
            InsufficientCredit: not even the prompt and one token.
            StorageUnavailable: the ledger cannot be written, too many wait, or the process is stopping.
        """
        hold = await self._hold(order, self._clock())
        assert hold is not None, "only a bound comes back"
        return hold

    async def extend(self, order: Order, hold: Hold, tokens: int) -> Hold | None:
        """The same hold with up to so many more tokens of answer; None: there is no credit for even one.

        Raises:
            StorageUnavailable, ProcessLost: it cannot be known.
        """
        more = msgspec.structs.replace(order, prompt_nanousd=0, output_tokens_max=tokens)
        try:
            added = await self._hold(more, hold.created_us)
        except InsufficientCredit:
            return None
        assert added is not None, "only a bound comes back"
        if added.process_id != hold.process_id:
            self._leases.unpin(added)
            raise ProcessLost(_GIVEN_BACK)
        return msgspec.structs.replace(
            hold,
            amount_nanousd=hold.amount_nanousd + added.amount_nanousd,
            output_tokens_max=hold.output_tokens_max + added.output_tokens_max,
        )

    async def charge(self, charge: Charge) -> Settled:
        """Settles a request; returns when that is durable.  Raises StorageUnavailable, ProcessLost: it is not charged."""
        return await self.charging(charge)

    def charging(self, charge: Charge) -> Bill:
        """`charge`, begun at once."""
        bill = Bill(loop=asyncio.get_running_loop())
        self._charged.append((charge, bill))
        self._kick()
        return bill

    def tick(self) -> None:
        """Now and then (jobs/tend_leases.py): leases that nobody used since the last time go back, and others learn we live."""
        for lease in self._leases.all.values():
            if not lease.touched and lease.free_nanousd:
                self._idle.add(lease.lease_id)
            lease.touched = False
            lease.hold_max_nanousd //= 2  # one large request should not be remembered for ever
        if self._idle or self._refusal is not None or self._clock() > self._heard_us + self._ttl_us // 3:
            self._kick()

    async def flushed(self) -> None:
        """Returns when nothing waits and no batch is under way."""
        while self._task is not None:
            await asyncio.wait({self._task})

    async def close(self) -> None:
        """Takes nothing new, commits what waits, and gives back every lease."""
        self._closing = True
        await self.flushed()
        try:
            await self._database.write(lambda conn: release(conn, self.process_id))
        except StorageUnavailable as error:
            logger().warning("leases_not_given_back", reason=error.message)  # they are, when they expire

    async def _hold(self, order: Order, begun_us: int, *, plenty: bool = False) -> Hold | None:
        self._refuse_if_unable()
        hold = self._leases.take(order, begun_us, self._clock())
        if hold is not None:
            return hold
        if len(self._asked) >= ASKS_MAX:
            raise StorageUnavailable(f"{ASKS_MAX} requests wait for credit; try again", retry_after_s=1)
        future: asyncio.Future[Hold | None] = asyncio.get_running_loop().create_future()
        if plenty:
            order = msgspec.structs.replace(order, only_from_plenty=True)
        ask = Ask(order=order, lease_id=lease_id_of(order, begun_us), begun_us=begun_us)
        self._asked.append((ask, future))
        self._kick()
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                self._leases.unpin(future.result())  # granted in the moment in which the caller went away
            raise

    def _refuse_if_unable(self) -> None:
        if self._closing:
            raise StorageUnavailable("this gateway is stopping; try again", retry_after_s=1)
        if self._refusal is not None:
            raise self._refusal

    # -- batches ------------------------------------------------------------------------------------------

    def _kick(self) -> None:
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        try:
            await self._flush()
            while self._asked or self._charged:
                await self._flush()
        finally:
            self._task = None

    async def _flush(self) -> None:
        most = 1 if self._alone else ENTRIES_MAX
        self._alone = max(0, self._alone - 1)
        charged, self._charged = self._charged[:most], self._charged[most:]
        most -= len(charged)  # what ended comes first: it frees credit
        asked, self._asked = self._asked[:most], self._asked[most:]
        try:
            if not self._certain:
                await self._learn()
            await self._commit(asked, charged)
            self._refusal = None
        except Exception as error:  # noqa: BLE001 - whatever it is, it is handed to everybody who waits
            self._certain = False
            self._fail(asked, charged, error)
            if isinstance(error, StorageUnavailable):
                self._refusal = error
            else:
                logger().exception("batch_failed")

    async def _commit(self, asked: list[_Asked], charged: list[_Charged]) -> None:
        """One batch; if it is refused for one of its entries, each of them alone."""
        charged = self._current(charged)
        batch = self._batch(asked, charged)
        try:
            committed = await self._database.write(lambda conn: commit(conn, batch))
        except StorageUnavailable:
            raise
        except ProcessLost as lost:
            self._fail([], charged, lost)
            self._begin_anew()
            self._asked = asked + self._asked
        except Exception as error:  # noqa: BLE001 - it is handed to whose entry it was
            await self._learn()
            if len(asked) + len(charged) == 1:
                self._fail(asked, charged, error)
                return
            self._asked, self._charged = asked + self._asked, charged + self._charged
            self._alone = len(asked) + len(charged)
        else:
            self._apply(batch, committed, asked, charged)

    def _batch(self, asked: list[_Asked], charged: list[_Charged]) -> Batch:
        idle, self._idle = self._idle, set()
        wanting = {ask.lease_id for ask, _ in asked}
        for ask, _ in asked:
            self._leases.of(ask.lease_id).expect(cost_of(ask.order, ask.order.output_tokens_max))
        ending = {charge.hold.lease_id for charge, _ in charged}
        states = {}
        for lease in [self._leases.of(lease_id) for lease_id in wanting | ending | idle]:
            lease.frozen = lease.lease_id not in ending - wanting - idle or not lease.generous
            states[lease.lease_id] = LeaseState(
                held_nanousd=lease.held_nanousd,
                pinned_nanousd=lease.pinned_nanousd,
                hold_max_nanousd=lease.hold_max_nanousd,
                frozen=lease.frozen,
            )
        now = self._clock()
        return Batch(
            process_id=self._leases.process_id,
            number=self._number + 1,
            now_us=now,
            expires_us=now + self._ttl_us,
            asks=tuple(ask for ask, _ in asked),
            charges=tuple(charge for charge, _ in charged),
            leases=states,
            spare=frozenset(
                lease for lease in wanting | (ending - idle) if not lease.subjects and not self._closing
            ),
        )

    def _apply(
        self, batch: Batch, committed: Committed, asked: list[_Asked], charged: list[_Charged]
    ) -> None:
        self._number, self._heard_us = batch.number, batch.now_us
        if self.told is not None:
            asyncio.get_running_loop().call_soon(self.told, committed.settled)
        for lease_id, after in committed.leases.items():
            self._leases.of(lease_id).settle(
                after.held_nanousd, after.usable_until_us, generous=after.generous
            )
        for (charge, future), settled in zip(charged, committed.settled, strict=True):
            self._leases.unpin(charge.hold)
            if not future.done():
                future.set_result(settled)
        for (ask, granted), answer in zip(asked, committed.answers, strict=True):
            if granted.done():
                continue  # its caller left: the credit is free in the lease
            if isinstance(answer, TollwayError):
                granted.set_exception(answer)
            else:
                pinned = None if answer is None else self._leases.pin(ask.order, answer, ask.begun_us)
                granted.set_result(pinned)
        self._leases.forget_empty()

    # -- when the ledger cannot be written ------------------------------------------------------------------

    def _fail(self, asked: list[_Asked], charged: list[_Charged], error: Exception) -> None:
        for charge, future in charged:
            self._leases.unpin(charge.hold)
            if not future.done():
                future.set_exception(error)
        for _, granted in asked:
            if not granted.done():
                granted.set_exception(error)

    def _current(self, charged: list[_Charged]) -> list[_Charged]:
        """Without those whose credit this process has lost."""
        lost = [entry for entry in charged if entry[0].hold.process_id != self._leases.process_id]
        self._fail([], lost, ProcessLost(_GIVEN_BACK))
        return [entry for entry in charged if entry[0].hold.process_id == self._leases.process_id]

    def _begin_anew(self) -> None:
        """Under a new name, with nothing."""
        self._leases, self._number = Leases(new_id("prc")), 0
        self._idle.clear()

    async def _learn(self) -> None:
        """What the database has, after a transaction whose end nobody knows."""
        number, held = await self._database.write(lambda conn: state_of(conn, self.process_id))
        if number is None and self._number:
            self._begin_anew()
        else:
            self._number = number or 0
            for lease_id in held.keys() | self._leases.all.keys():
                self._leases.of(lease_id).settle(held.get(lease_id, 0), 0, generous=False)
        self._certain = True
