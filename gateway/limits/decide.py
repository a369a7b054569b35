"""One transaction: who is admitted, and what the process holds afterwards.  Its rows are written whole, so twice is once.

The accounts are locked, so that nobody else decides.  A minute that another process began is begun here too: its clock may
be a little ahead, and a window that was left is never drawn from again.
"""

import msgspec

from gateway.kit.db import WriteConn
from gateway.limits import store
from gateway.limits.allot import Window
from gateway.limits.types import MINUTE_US, NOTHING, SLOT, Amounts, Drawn, Lack, Limits, Refused, Subject, add


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A share as its process knows it.  `spare`: whether it may hold more than is used."""

    limits: Limits
    used: Amounts
    largest: Amounts
    spare: bool


class Ask(msgspec.Struct, frozen=True):
    """A request that wants to be admitted, by all these subjects or by none."""

    subjects: tuple[Subject, ...]
    asked: Amounts


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    process_id: str
    now_us: int
    minute_us: int
    expires_us: int
    shares: dict[Subject, Standing]
    asks: tuple[Ask, ...] = ()
    refused: tuple[Refused, ...] = ()


class After(msgspec.Struct, frozen=True, kw_only=True):
    """What the process holds of a subject now, in which minute, and what others held."""

    minute_us: int
    held: Amounts
    others: Amounts
    generous: bool


class Decided(msgspec.Struct, frozen=True):
    """To each ask, in their order: None, or what is in the way."""

    answers: tuple[Lack | None, ...]
    shares: dict[Subject, After]


def decide(conn: WriteConn, batch: Batch) -> Decided:
    if batch.refused:
        store.save_refusals(conn, list(batch.refused))
    if not batch.shares:
        return Decided((), {})
    account_ids = {subject.account_id for subject in batch.shares}
    store.lock_accounts(conn, account_ids)
    drawn = store.read_drawn(conn, account_ids, {subject.key_id for subject in batch.shares})
    minutes = {account_id: _minute(account_id, drawn, batch.minute_us) for account_id in account_ids}
    windows = {
        subject: _window(subject, standing, drawn, batch, minutes[subject.account_id])
        for subject, standing in batch.shares.items()
    }
    answers = tuple(_answer([windows[subject] for subject in ask.subjects], ask.asked) for ask in batch.asks)
    after = {
        subject: _after(window, batch.shares[subject], minutes[subject.account_id])
        for subject, window in windows.items()
    }
    store.save_drawn(conn, [_row(subject, each, batch) for subject, each in after.items()])
    return Decided(answers, after)


def _minute(account_id: str, drawn: list[Drawn], minute_us: int) -> int:
    """Ours, or the next one if somebody is in it.  A clock that is further ahead is wrong, and not followed."""
    ahead = minute_us + MINUTE_US
    began = any(each.account_id == account_id and each.minute_us == ahead for each in drawn)
    return ahead if began else minute_us


def _window(subject: Subject, standing: Standing, drawn: list[Drawn], batch: Batch, minute_us: int) -> Window:
    others = NOTHING
    for each in drawn:
        theirs = (each.account_id, each.key_id) == (subject.account_id, subject.key_id)
        if not theirs or each.process_id == batch.process_id:
            continue
        requests, inputs, outputs, slots = each.amounts
        if each.minute_us != minute_us:
            requests = inputs = outputs = 0
        others = add(others, (requests, inputs, outputs, slots if each.expires_us > batch.now_us else 0))
    used = standing.used if minute_us == batch.minute_us else (0, 0, 0, standing.used[SLOT])
    return Window(subject, standing.limits, others=others, used=used)


def _answer(windows: list[Window], asked: Amounts) -> Lack | None:
    """Admitted by all or by none: what is refused by one limit uses nothing up of another."""
    for window in windows:
        lack = window.lack(asked)
        if lack is not None:
            return lack
    for window in windows:
        window.take(asked)
    return None


def _after(window: Window, standing: Standing, minute_us: int) -> After:
    held = window.draw(standing.largest, spare=standing.spare)
    return After(minute_us=minute_us, held=held, others=window.others, generous=held != window.used)


def _row(subject: Subject, after: After, batch: Batch) -> Drawn:
    requests, inputs, outputs, slots = after.held
    return Drawn(
        account_id=subject.account_id,
        key_id=subject.key_id,
        process_id=batch.process_id,
        minute_us=after.minute_us,
        requests=requests,
        input_tokens=inputs,
        output_tokens=outputs,
        concurrency=slots,
        expires_us=batch.expires_us,
    )
