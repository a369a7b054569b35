"""Who may begin now.  Out of this process's shares in memory where they have enough, else by one transaction for all who wait.

While one transaction runs the next one's asks gather, as in metering/writer.py.  It has a database of its own: a window's
lock must not wait for the ledger's, nor the ledger for it.
"""

import asyncio
from collections.abc import Callable

import msgspec

from gateway.errors import StorageUnavailable
from gateway.kit.clock import now_us
from gateway.kit.db import Database
from gateway.kit.ids import new_id
from gateway.kit.log import logger
from gateway.limits import store
from gateway.limits.allot import too_large
from gateway.limits.decide import Ask, Batch, Decided, Standing, decide
from gateway.limits.refusals import Refusals
from gateway.limits.refuse import refusal, refusal_for_good
from gateway.limits.share import Share
from gateway.limits.types import (
    MINUTE_US,
    NOTHING,
    SLOT,
    Amounts,
    Bound,
    Lack,
    Limits,
    Subject,
    in_force,
    minute_of,
)

ASKS_MAX = 512
"""What one transaction decides."""
RETRY_S = 1.0
"""How long a request waits for a database that is away before it goes on unlimited."""


class Admission(msgspec.Struct, frozen=True):
    """A request that was let in: by whose limits, with what it asked of them, in which minute of each."""

    bounds: tuple[Bound, ...] = ()
    asked: Amounts = NOTHING
    minutes: tuple[int, ...] = ()


FREE = Admission()
"""Of a request that nobody limits."""

_Asked = tuple[Ask, tuple[Bound, ...], asyncio.Future[Admission | Lack]]


class Limiter:
    """One event loop, one of these."""

    def __init__(
        self, database: Database, defaults: Limits, *, ttl_us: int, clock: Callable[[], int] = now_us
    ) -> None:
        """`ttl_us`: the slots of a process that was silent for so long are free.  `database` is this one's alone."""
        self.defaults = defaults
        self.process_id = new_id("prc")
        self.refusals = Refusals(self.process_id)
        self.unknown = 0
        """Requests that were let in because the database could not say."""
        self._database = database
        self._ttl_us = ttl_us
        self._clock = clock
        self._shares: dict[Subject, Share] = {}
        self._asked: list[_Asked] = []
        self._dirty: set[Subject] = set()
        """Shares to be decided anew although nobody asks: to give back, or to say that they are still held."""
        self._heard_us = 0
        self._task: asyncio.Task[None] | None = None

    def bounds(
        self, account_id: str, key_id: str, of_account: Limits | None, of_key: Limits | None
    ) -> tuple[Bound, ...]:
        """The limits in force for a caller; none: it is not limited."""
        of_account = in_force(of_account, self.defaults)
        if of_account.each == (None, None, None, None):
            return () if of_key is None else (Bound(Subject(account_id, key_id), of_key),)
        account = Bound(Subject(account_id), of_account)
        return (account,) if of_key is None else (account, Bound(Subject(account_id, key_id), of_key))

    def take(self, bounds: tuple[Bound, ...], asked: Amounts) -> Admission | None:
        """Lets it in out of memory; None: the database must be asked (`admit`)."""
        minute_us = minute_of(self._clock())
        shares = [self._share(bound, minute_us) for bound in bounds]
        if not all(not share.frozen and share.covers(asked) for share in shares):
            return None
        return self._let_in(bounds, shares, asked)

    async def admit(self, bounds: tuple[Bound, ...], asked: Amounts) -> Admission:
        """Lets it in, as far as all processes together have room; if the database cannot say, lets it in.

        Raises:
            RateLimited: not now; it says when to try again.
            RequestExceedsLimit: never, since it alone is larger than a limit.
        """
        for bound in bounds:
            lack = too_large(bound.subject, bound.limits, asked)
            if lack is not None:
                self._note(bounds, lack)
                raise refusal_for_good(lack)
        answer = self.take(bounds, asked) or await self._ask(bounds, asked)
        if isinstance(answer, Lack):
            self._note(bounds, answer)
            raise refusal(answer, self._clock())
        return answer

    def end(self, admission: Admission, spent: Amounts) -> None:
        """It ended.  Nothing awaits here: it is done also for a client that left.  `spent` is what it really took."""
        for bound, minute_us in zip(admission.bounds, admission.minutes, strict=True):
            share = self._shares[bound.subject]
            share.settle(admission.asked, spent, minute_us)
            if not share.generous or share.owes:
                self._dirty.add(bound.subject)
                self._kick()

    def left(self, bound: Bound) -> tuple[int | None, ...]:
        """By kind, as of this process's last look at the others; None: not limited."""
        share = self._share(bound, minute_of(self._clock()))
        return tuple(
            None if limit is None else max(0, limit - other - used)
            for limit, other, used in zip(bound.limits.each, share.others, share.used, strict=True)
        )

    def resets_us(self) -> int:
        """Microseconds until the minute is over."""
        now = self._clock()
        return minute_of(now) + MINUTE_US - now

    def tick(self) -> None:
        """Now and then (jobs/tend_leases.py): what nobody used goes back, slots in use are held on to, refusals are written."""
        now = self._clock()
        due = now > self._heard_us + self._ttl_us // 3
        for subject, share in list(self._shares.items()):
            share.turn(minute_of(now))
            if not share.touched and share.has_free:
                share.generous = False
                self._dirty.add(subject)
            if due and share.held[SLOT]:
                self._dirty.add(subject)
            if not share.touched and not share.frozen and share.held == share.used == NOTHING:
                del self._shares[subject]
            share.touched = False
            share.largest = _halved(share.largest)
        if self._dirty or self.refusals.waiting:
            self._kick()

    async def close(self) -> None:
        """Its slots are free."""
        while self._task is not None:
            await asyncio.wait({self._task})
        try:
            if self._heard_us:
                await self._database.write(lambda conn: store.free_slots(conn, self.process_id))
        except StorageUnavailable as error:
            logger().warning("slots_not_freed", reason=error.message)  # they are, when they expire
        self._database.close()

    # -- in memory ------------------------------------------------------------------------------------------------

    def _share(self, bound: Bound, minute_us: int) -> Share:
        share = self._shares.get(bound.subject)
        if share is None:
            share = self._shares[bound.subject] = Share()
        if not share.frozen:
            share.turn(minute_us)
        share.limits = bound.limits
        return share

    def _let_in(self, bounds: tuple[Bound, ...], shares: list[Share], asked: Amounts) -> Admission:
        for share in shares:
            share.take(asked)
        return Admission(bounds, asked, tuple(share.minute_us for share in shares))

    def _note(self, bounds: tuple[Bound, ...], lack: Lack) -> None:
        key_id = next((bound.subject.key_id for bound in bounds if bound.subject.key_id), "")
        self.refusals.count(lack, key_id, self._clock())

    # -- in the database ------------------------------------------------------------------------------------------

    async def _ask(self, bounds: tuple[Bound, ...], asked: Amounts) -> Admission | Lack:
        future: asyncio.Future[Admission | Lack] = asyncio.get_running_loop().create_future()
        self._asked.append((Ask(tuple(bound.subject for bound in bounds), asked), bounds, future))
        self._kick()
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and isinstance(granted := future.result(), Admission):
                self.end(granted, NOTHING)  # let in at the moment in which the client left
            raise

    def _kick(self) -> None:
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        try:
            await self._flush()
            while self._asked or self._dirty:
                await self._flush()
        finally:
            self._task = None

    async def _flush(self) -> None:
        waiting = [each for each in self._asked if not each[2].done()]  # without those whose client left
        asked, self._asked = waiting[:ASKS_MAX], waiting[ASKS_MAX:]
        dirty, self._dirty = self._dirty, set()
        refused = self.refusals.take()
        batch = msgspec.structs.replace(self._batch(asked, dirty), refused=refused)
        try:
            decided = await self._database.write(lambda conn: decide(conn, batch))
        except Exception as error:  # noqa: BLE001 - whatever it is, requests go on: see the room's failure mode
            if isinstance(error, StorageUnavailable):
                logger().warning("limits_unknown", reason=error.message, requests=len(asked))
            else:
                logger().exception("limits_failed")
            self.refusals.again(refused)
            self._let_all_in(batch, asked)
        else:
            self._heard_us = batch.now_us
            self._apply(decided, asked)

    def _batch(self, asked: list[_Asked], dirty: set[Subject]) -> Batch:
        now = self._clock()
        minute_us = minute_of(now)
        for ask, bounds, _ in asked:
            for bound in bounds:
                self._share(bound, minute_us).expect(ask.asked)
        wanting = {bound.subject for _, bounds, _ in asked for bound in bounds}
        concerned = {subject: self._shares[subject] for subject in wanting | (dirty & self._shares.keys())}
        # One of them may be in the next minute already: another process's clock was there first.
        minute_us = max([minute_us, *(share.minute_us for share in concerned.values())])
        shares = {}
        for subject, share in concerned.items():
            share.turn(minute_us)
            share.frozen = True
            shares[subject] = Standing(
                limits=share.limits,
                used=share.used,
                largest=share.largest,
                spare=subject in wanting or share.generous,
            )
        return Batch(
            process_id=self.process_id,
            now_us=now,
            minute_us=minute_us,
            expires_us=now + self._ttl_us,
            shares=shares,
            asks=tuple(ask for ask, _, _ in asked),
        )

    def _apply(self, decided: Decided, asked: list[_Asked]) -> None:
        for subject, after in decided.shares.items():
            share = self._shares[subject]
            share.frozen = False
            share.turn(after.minute_us)
            share.held, share.others, share.generous = after.held, after.others, after.generous
        for (ask, bounds, future), lack in zip(asked, decided.answers, strict=True):
            if future.done():
                self._dirty.update(ask.subjects)  # its client left: what was drawn for it goes back
            elif lack is None:
                shares = [self._shares[subject] for subject in ask.subjects]
                future.set_result(self._let_in(bounds, shares, ask.asked))
            else:
                future.set_result(lack)

    def _let_all_in(self, batch: Batch, asked: list[_Asked]) -> None:
        for subject in batch.shares:
            self._shares[subject].frozen = False
        for ask, bounds, future in asked:
            if not future.done():
                self.unknown += 1
                shares = [self._shares[subject] for subject in ask.subjects]
                future.set_result(self._let_in(bounds, shares, ask.asked))


def _halved(largest: Amounts) -> Amounts:
    """One large request should not be remembered for ever."""
    return (largest[0] // 2, largest[1] // 2, largest[2] // 2, largest[3] // 2)
