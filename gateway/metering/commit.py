"""One batch of the ledger, in one transaction: events, their rating, the credit they spend, the leases that change.

The accounts concerned are locked first, in one order everywhere; then everything is arithmetic on what was read
(`ledger.py`, credit/purse.py), and what changed is written back in as many statements however large the batch is.

A batch has a number, and its process's row counts them: a batch that arrived before, although nobody learned of it,
is not committed again.  A process whose deadline passed has no row any more, and commits nothing.
"""

from gateway.credit import store as credit
from gateway.credit.draw import cost_of, periods_of, refusal, tokens_of
from gateway.credit.types import Counter, LeaseId
from gateway.kit.db import WriteConn
from gateway.metering import store
from gateway.metering.batch import Answer, Ask, Batch, Committed, LeaseAfter, ProcessLost, Settled
from gateway.metering.ledger import Ledger


def commit(conn: WriteConn, batch: Batch) -> Committed:
    """Raises ProcessLost: nothing of the batch was or will be written."""
    if not credit.claim_batch(conn, batch.process_id, batch.number, batch.expires_us):
        return _committed_before(conn, batch)
    if not batch.leases:
        return Committed(settled=(), answers=(), leases={})  # a sign of life
    ledger = Ledger(conn, batch)
    settled = tuple(ledger.charge(charge) for charge in batch.charges)
    ledger.reclaim()
    answers = tuple(ledger.answer(ask) for ask in batch.asks)
    leases = ledger.resize()
    ledger.save(conn)
    for charge, done in zip(batch.charges, settled, strict=True):
        if charge.keep is not None:
            charge.keep(conn, done)
    return Committed(settled=settled, answers=answers, leases=leases)


def release_dead(conn: WriteConn, now_us: int) -> int:
    """Gives back what processes held that were silent past their deadline; returns how many there were."""
    count = 0
    while (process_id := credit.lock_dead_process(conn, now_us)) is not None:
        release(conn, process_id)
        count += 1
    return count


def release(conn: WriteConn, process_id: str) -> None:
    """Gives back all that a process holds, and forgets it; again: changes nothing."""
    if not credit.lock_process(conn, process_id):
        return
    held = {lease: amount for lease, amount in credit.read_leases(conn, process_id).items() if amount}
    purses = credit.lock_purses(conn, {lease.account_id for lease in held})
    for lease, amount in held.items():
        purses[lease.account_id].give_back(amount)
    if held:
        credit.save_purses(conn, purses.values())
    capped = [
        Counter(
            subject_id=subject,
            account_id=lease.account_id,
            period=period,
            settled_nanousd=0,
            held_nanousd=-amount,
        )
        for lease, amount in held.items()
        for subject in lease.subjects
        for period in periods_of(lease.day_us)
    ]
    credit.change_counters(conn, capped)
    credit.forget_process(conn, process_id)


def state_of(conn: WriteConn, process_id: str) -> tuple[int | None, dict[LeaseId, int]]:
    """The process's last batch (None: its row is gone), and what it holds."""
    return credit.committed_batch(conn, process_id), credit.read_leases(conn, process_id)


def _committed_before(conn: WriteConn, batch: Batch) -> Committed:
    """What the database says of a batch whose commit arrived and whose answer did not."""
    if credit.committed_batch(conn, batch.process_id) != batch.number:
        raise ProcessLost(
            "this gateway was out of touch with its ledger for too long, and what it held was given back;"
            " nothing was charged: try again",
            retry_after_s=1,
        )
    held = credit.read_leases(conn, batch.process_id)
    settled = []
    for charge in batch.charges:
        event = store.find_event(conn, charge.hold.request_id)
        balance = credit.read_balance(conn, charge.hold.account_id)
        assert event is not None, "what was committed is there"
        assert balance is not None, "an account is opened with its balance"
        settled.append(Settled(event, balance.remaining_nanousd))
    free = {lease: held.get(lease, 0) - state.pinned_nanousd for lease, state in batch.leases.items()}
    for charge in batch.charges:
        free[charge.hold.lease_id] += charge.hold.amount_nanousd
    return Committed(
        settled=tuple(settled),
        answers=tuple(_answer_again(ask, free) for ask in batch.asks),
        leases={lease: LeaseAfter(held.get(lease, 0), 0, False) for lease in batch.leases},
    )


def _answer_again(ask: Ask, free: dict[LeaseId, int]) -> Answer:
    """The leases hold what was granted, and are asked in the same order."""
    tokens = tokens_of(ask.order, free[ask.lease_id])
    if tokens == 0:
        return None if ask.order.only_from_plenty else refusal(ask.order, free[ask.lease_id], None)
    free[ask.lease_id] -= cost_of(ask.order, tokens)
    return tokens
