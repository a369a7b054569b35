"""A decision becomes a fact and a message, in one transaction: whoever inserts the row has the messages to send."""

from collections.abc import Sequence

import msgspec

from gateway.accounts import store as accounts
from gateway.alerts import store
from gateway.alerts.types import (
    OF_CREDIT,
    Delivery,
    Fire,
    Firing,
    Message,
    MessageKind,
    Recover,
    Rule,
    Target,
)
from gateway.alerts.words import fired_words, recovered_words
from gateway.keys import store as keys
from gateway.kit.db import WriteConn
from gateway.kit.ids import new_id

_encoder = msgspec.json.Encoder(order="sorted")


def fire(conn: WriteConn, account_id: str, decisions: Sequence[Fire | Recover], now_us: int) -> int:
    """How many messages there are to send.  What another process wrote down before is left to it.

    Of several thresholds that a rule passed at once, all are kept and the last is told.
    """
    told: dict[str, tuple[Fire, Firing]] = {}
    messages: list[tuple[Message, str]] = []
    rules = {rule.id: rule for rule in store.list_rules(conn, account_id)}
    for decision in decisions:
        if isinstance(decision, Recover):
            rule = rules.get(decision.firing.rule_id)
            if rule is not None and store.recover_firing(conn, decision.firing.id, now_us):
                messages.append(_recovered(conn, rule, decision.firing, now_us))
        elif store.lock_rule(conn, decision.rule.id):
            firing = _firing(decision, now_us)
            if store.insert_firing(conn, firing):
                told[decision.rule.id] = _worse(told.get(decision.rule.id), decision, firing)
    messages += [_fired(conn, decision, firing, now_us) for decision, firing in told.values()]
    targets = store.list_targets(conn, account_id) if messages else []
    return sum(_send(conn, message, firing_id, targets, now_us) for message, firing_id in messages)


def outgoing(
    message: Message, target: Target, now_us: int, *, firing_id: str | None = None, delivery_id: str
) -> Delivery:
    """A message for one target, to be sent at once."""
    return Delivery(id=delivery_id, account_id=target.account_id, target_id=target.id, firing_id=firing_id,
                    message=_encoder.encode(message).decode(), created_us=now_us, due_us=now_us)  # fmt: skip


def _send(conn: WriteConn, message: Message, firing_id: str, targets: Sequence[Target], now_us: int) -> int:
    """Into the outbox, once for each target.  People are not told that a day is over, or that they topped up."""
    wanted = [
        target
        for target in targets
        if target.address
        and target.paused_us is None
        and (message.kind != "alert.recovered" or target.kind == "webhook")
    ]
    for target in wanted:
        delivery = outgoing(message, target, now_us, firing_id=firing_id, delivery_id=new_id("msg"))
        store.insert_delivery(conn, delivery)
    return len(wanted)


def _worse(before: tuple[Fire, Firing] | None, decision: Fire, firing: Firing) -> tuple[Fire, Firing]:
    """Of two thresholds of a rule the one to tell: the higher of what rises, the lower of credit."""
    if before is None:
        return decision, firing
    falls = decision.rule.kind in OF_CREDIT
    worse = decision.mark < before[0].mark if falls else decision.mark > before[0].mark
    return (decision, firing) if worse else before


def _firing(decision: Fire, now_us: int) -> Firing:
    return Firing(
        id=new_id("alt"),
        rule_id=decision.rule.id,
        mark=decision.mark,
        period=decision.period,
        account_id=decision.rule.account_id,
        value=decision.value,
        fired_us=now_us,
    )


def _fired(conn: WriteConn, decision: Fire, firing: Firing, now_us: int) -> tuple[Message, str]:
    text = fired_words(decision, _key_name(conn, decision.rule))
    return _message(conn, "alert.fired", decision.rule, firing, text, now_us)


def _recovered(conn: WriteConn, rule: Rule, firing: Firing, now_us: int) -> tuple[Message, str]:
    text = recovered_words(rule, firing.mark, _key_name(conn, rule))
    return _message(conn, "alert.recovered", rule, firing, text, now_us)


def _key_name(conn: WriteConn, rule: Rule) -> str | None:
    return None if rule.key_id is None else keys.find_key(conn, rule.key_id).name


def _message(
    conn: WriteConn, kind: MessageKind, rule: Rule, firing: Firing, text: str, now_us: int
) -> tuple[Message, str]:
    message = Message(
        kind=kind,
        at_us=now_us,
        account_id=rule.account_id,
        account_name=accounts.find_account(conn, rule.account_id).name,
        text=text,
        alert_id=firing.id,
        rule_id=rule.id,
        rule_kind=rule.kind,
        key_id=rule.key_id,
        mark=firing.mark,
        amount_nanousd=rule.amount_nanousd,
        value=firing.value,
    )
    return message, firing.id
