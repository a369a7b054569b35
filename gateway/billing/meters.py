"""The sink `meters` (opt-in): tokens leave as Stripe meter events, and Stripe rates them with prices that `stripe sync` made.

What was settled is what is sent: an account's receipts past its mark, added up by model, class and hour, become outbox rows in the
transaction that moves the mark.  An event's identifier is made of the receipts it covers, so a repetition is one Stripe can know.
"""

from collections import defaultdict
from functools import partial

import msgspec

from gateway.accounts.store import find_account
from gateway.billing import store
from gateway.billing.border import Border, once
from gateway.billing.customers import customer_of
from gateway.billing.outbox import Frozen
from gateway.billing.stripe_objects import Meter, MeterEvent, MeterSummary
from gateway.billing.types import Intent
from gateway.catalog.rate import classes
from gateway.errors import PaymentsUnavailable, StripeRefused
from gateway.kit.clock import DAY_US, HOUR_US, SECOND_US, now_us
from gateway.kit.db import WriteConn
from gateway.metering.store import walk_chain
from gateway.metering.types import BILLED

RECEIPTS_MAX = 5_000
"""Of one account in one transaction."""
OLDEST_US = 35 * DAY_US
"""Stripe takes nothing older."""
KNOWN_US = 23 * 3600 * SECOND_US
"""For so long, and an hour more, Stripe knows an identifier again; later a repetition would count twice."""
FREEZE_US = 48 * 3600 * SECOND_US
DUPLICATE = "already exists with identifier"
PASSING = {
    "timestamp_in_future": "Stripe's clock is behind ours",
    "no_meter": "Stripe has no such meter; run `tollway-gateway stripe sync`",
}
"""Refusals that time or an operator mends: nothing is lost by waiting, for 35 days."""
MANY_DIGITS = 10**15


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """So many tokens of a class in an hour: a meter event's content.  `at_s`: the last of them."""

    event_name: str
    tokens: int
    at_s: int


def event_name(model: str, token_class: str) -> str:
    """A meter's: at most 100 characters."""
    return f"tollway_{token_class}_{model}"[:100]


async def export(border: Border) -> int:
    """Puts what was settled since the last time in the outbox; how many intents that were."""
    since = await border.database.read(store.since_us)
    if since is None or border.sink != "meters":
        return 0
    count = 0
    for account_id in await border.database.read(store.list_unmetered):
        more = True
        while more:
            found, more = await border.database.write(partial(_export, account_id=account_id, since_us=since))
            count += found
    return count


def _export(conn: WriteConn, account_id: str, since_us: int) -> tuple[int, bool]:
    """How many intents, and whether there may be more receipts."""
    mark = store.lock_meter_mark(conn, account_id)
    sums: dict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0, 2**62, 0])
    seq = mark
    for event, place in walk_chain(conn, account_id, mark, mark + RECEIPTS_MAX):  # type: ignore[arg-type]  # it only reads
        seq = place.account_seq
        if event.outcome not in BILLED or event.created_us < since_us:
            continue
        for token_class, tokens in classes(event.counts).items():
            if tokens:
                found = sums[event_name(event.model, token_class), event.created_us // HOUR_US]
                found[0] += tokens
                found[1] = max(found[1], event.created_us // SECOND_US)
                found[2], found[3] = min(found[2], seq), seq
    now = now_us()
    for place_no, ((name, _), (tokens, at_s, first, last)) in enumerate(sorted(sums.items())):
        body = msgspec.json.encode(Usage(event_name=name, tokens=tokens, at_s=at_s)).decode()
        intent_id = f"use:{account_id}:{first}-{last}:{place_no}"
        store.insert_intent(
            conn,
            Intent(
                id=intent_id, kind="meter_event", account_id=account_id, body=body, created_us=now, due_us=now
            ),
        )
    store.move_meter_mark(conn, account_id, seq)
    return len(sums), seq == mark + RECEIPTS_MAX


async def send_usage(border: Border, intent: Intent) -> str:
    """Sends a `meter_event`.  Stripe's refusal of a known identifier means that it is there."""
    usage, now = msgspec.json.decode(intent.body, type=Usage), now_us()
    account = await border.database.read(lambda conn: find_account(conn, intent.account_id))
    customer = await customer_of(border, account)
    if (
        intent.begun_us is not None
        and now - intent.begun_us > KNOWN_US
        and await _is_there(border, customer.customer_id, intent, usage)
    ):
        return "counted, as its meter says"
    if usage.at_s * SECOND_US < now - OLDEST_US:
        raise Frozen(
            f"{usage.tokens} tokens of {usage.event_name} are older than the 35 days that Stripe takes"
        )
    if usage.tokens >= MANY_DIGITS:
        raise Frozen(f"{usage.tokens} has more than the 15 digits that Stripe counts with")
    try:
        await border.api.asked(lambda: border.api.v1.billing.meter_events.create_async(
            {
                "event_name": usage.event_name,
                "identifier": intent.id,
                "timestamp": usage.at_s,
                "payload": {"stripe_customer_id": customer.customer_id, "value": str(usage.tokens)},
            },
            once(f"{intent.id}:{intent.tries}"),  # the identifier is what is known again; a refusal must not be
        ), MeterEvent)  # fmt: skip
    except StripeRefused as error:
        if DUPLICATE in error.message:
            return "known already"
        if error.code in PASSING:
            raise PaymentsUnavailable(PASSING[error.code], acted=False) from error
        raise
    return "sent"


async def _is_there(border: Border, customer_id: str, intent: Intent, usage: Usage) -> bool:
    """Whether the meter counts it: compared with what is known to be sent for that hour.  Raises Frozen, PaymentsUnavailable."""
    begin_s = usage.at_s // 3600 * 3600
    known = await border.database.read(lambda conn: store.list_delivered(conn, intent.account_id))
    sent = sum(
        each.tokens
        for each in (msgspec.json.decode(row.body, type=Usage) for row in known)
        if each.event_name == usage.event_name and each.at_s // 3600 * 3600 == begin_s
    )
    counted = await metered(border, customer_id, usage.event_name, begin_s, begin_s + 3600)
    if counted == sent + usage.tokens:
        return True
    if counted == sent:
        return False
    if now_us() - (intent.begun_us or 0) > FREEZE_US:
        raise Frozen(
            f"the meter counts {counted} tokens from {begin_s} on, {sent} are known to be sent, and these are {usage.tokens}"
        )
    raise PaymentsUnavailable("the meter has not counted yet", acted=True)


async def metered(border: Border, customer_id: str, name: str, begin_s: int, end_s: int) -> int:
    """Tokens of a customer that the meter counts between two hours.  It counts late; without a meter nothing is counted."""
    meters = await border.api.listed(border.api.v1.billing.meters.list_async, Meter)
    meter = next((each for each in meters if each.event_name == name), None)
    if meter is None:
        return 0
    about = {"customer": customer_id, "start_time": begin_s, "end_time": end_s}
    sums = await border.api.listed(
        lambda page: border.api.v1.billing.meters.event_summaries.list_async(meter.id, page),
        MeterSummary,
        **about,
    )
    return sum(each.aggregated_value for each in sums)
