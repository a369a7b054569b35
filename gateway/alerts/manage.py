"""Rules and targets, as people make and remove them: through acts/alerts.py, which writes the line of the audit log."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from gateway.accounts.types import Account
from gateway.alerts import store
from gateway.alerts.fire import outgoing
from gateway.alerts.types import KINDS, OF_CREDIT, Delivery, Message, Rule, RuleKind, Target, TargetKind
from gateway.errors import BadRequest, Conflict, NotFound
from gateway.keys import store as keys
from gateway.kit.clock import SECOND_US
from gateway.kit.db import WriteConn
from gateway.kit.money import parse_usd
from gateway.kit.pinned import Refused, check_url
from gateway.people import store as people

RULES_MAX = 50
TARGETS_MAX = 10
MARKS_MAX = 10
MARK_MAX = 100_000
"""A thousandfold, or 274 years."""
TESTS_EVERY_US = 10 * SECOND_US
"""Of one target: nobody sends a stranger mail after mail from here."""
_TEST = "This is a test of Tollway's alerts: they arrive here."


class Names(NamedTuple):
    """What the caller calls these fields."""

    amount: str
    marks: str


FORM, API = Names("amount", "marks"), Names("amount_usd", "thresholds")


def rule_of(rule_id: str, account_id: str, form: dict[str, str], now_us: int, *, key_id: str | None) -> Rule:
    """From what somebody typed: `kind`, `amount` in US dollars, `marks` with commas between.  Raises BadRequest."""
    kind = _kind(form.get("kind", ""))
    amount = 0 if kind == "credit_days" else _amount(form.get("amount", ""))
    marks = _read_marks(kind, form.get("marks", ""))
    return new_rule(rule_id, account_id, kind, amount, marks, now_us, key_id=key_id, names=FORM)


def new_rule(
    rule_id: str, account_id: str, kind: RuleKind, amount_nanousd: int, marks: Iterable[int], now_us: int, *,
    key_id: str | None, names: Names = API,
) -> Rule:  # fmt: skip
    """As `Rule` has them: of `anomaly` the marks are percentages, too.  `names`: of the fields, for refusals.

    Raises BadRequest.
    """
    if kind in OF_CREDIT and key_id is not None:
        raise BadRequest(
            "credit belongs to the account, not to a key; choose no key for this", param="key_id"
        )
    if kind != "credit_days" and amount_nanousd <= 0:
        raise BadRequest("an alert needs an amount above nothing, in US dollars", param=names.amount)
    if kind == "credit_days" and amount_nanousd:
        raise BadRequest("days of credit have no amount; leave it out", param=names.amount)
    return Rule(id=rule_id, account_id=account_id, key_id=key_id, kind=kind, amount_nanousd=amount_nanousd,
                marks=_checked(kind, marks, names.marks), created_us=now_us)  # fmt: skip


def add_rule(conn: WriteConn, rule: Rule) -> None:
    """Raises Conflict: there are too many; NotFound: no such key."""
    if rule.key_id is not None:
        keys.find_key(conn, rule.key_id, rule.account_id)
    if len(store.list_rules(conn, rule.account_id)) >= RULES_MAX:
        raise Conflict(f"an account has at most {RULES_MAX} alerts; remove one first")
    store.insert_rule(conn, rule)


def remove_rule(conn: WriteConn, account_id: str, rule_id: str, now_us: int) -> Rule:
    """Raises NotFound."""
    return store.remove_rule(conn, account_id, rule_id, now_us)


def webhook_to(target_id: str, account_id: str, url: str, now_us: int, *, private_targets: bool) -> Target:
    """Raises BadRequest: no URL that would be asked."""
    try:
        check_url(url, private_targets=private_targets)
    except Refused as error:
        raise BadRequest(f"nothing can be sent there: {error}", param="url") from error
    return _target(target_id, account_id, now_us, "webhook", url=url)


def mail_to(conn: WriteConn, target_id: str, account_id: str, person_id: str, now_us: int) -> Target:
    """Members alone: so nobody has mail sent to strangers from here.  Raises BadRequest."""
    if people.role_of(conn, account_id, person_id) is None:
        raise BadRequest("mail goes to members of the account; ask them in first", param="person_id")
    return _target(target_id, account_id, now_us, "mail", person_id=person_id)


def add_target(conn: WriteConn, target: Target) -> None:
    """Raises Conflict: there are too many, or it is told already."""
    known = store.list_targets(conn, target.account_id)
    same = target.person_id or target.address
    if any((each.person_id or each.address) == same and each.id != target.id for each in known):
        raise Conflict("that address is told already")
    if len(known) >= TARGETS_MAX:
        raise Conflict(f"an account tells at most {TARGETS_MAX} addresses; remove one first")
    store.insert_target(conn, target)


def change_target(conn: WriteConn, account_id: str, target_id: str, act: str, now_us: int) -> Target:
    """`remove`, `resume`, or `rotate`, after which its secret is another.  Raises BadRequest, NotFound."""
    target = store.find_target(conn, account_id, target_id)
    if act == "remove":
        store.change_target(conn, target_id, removed_us=now_us)
        store.give_up_all(conn, target_id, "the address was removed", now_us)
    elif act == "resume":
        store.change_target(conn, target_id, paused_us=None)
    elif act == "rotate" and target.kind == "webhook":
        target = msgspec.structs.replace(target, secret_number=target.secret_number + 1, rotated_us=now_us)
        store.change_target(conn, target_id, secret_number=target.secret_number, rotated_us=now_us)
    else:
        raise BadRequest(f"there is no {act!r} for this address: test, rotate, resume or remove")
    return target


def send_test(conn: WriteConn, account: Account, target_id: str, delivery_id: str, now_us: int) -> Target:
    """A message that says that it is one.  Raises Conflict: a moment ago there was one; NotFound."""
    target = store.find_target(conn, account.id, target_id)
    if not target.address:
        raise NotFound("they are no member any more; remove this address")
    for each in store.list_deliveries(conn, account.id, 50):
        recent = each.target_id == target_id and each.firing_id is None
        if recent and each.created_us > now_us - TESTS_EVERY_US and each.id != delivery_id:
            raise Conflict("a test is on its way there already; wait ten seconds for the next")
    message = Message(
        kind="alert.test", at_us=now_us, account_id=account.id, account_name=account.name, text=_TEST
    )
    store.insert_delivery(conn, outgoing(message, target, now_us, delivery_id=delivery_id))
    return target


def send_again(conn: WriteConn, account_id: str, delivery_id: str, now_us: int) -> Delivery:
    """What was given up is tried anew, with the id that it had.  Raises Conflict, NotFound."""
    delivery = store.find_delivery(conn, account_id, delivery_id)
    store.find_target(conn, account_id, delivery.target_id)
    if not store.revive_delivery(conn, delivery_id, now_us):
        raise Conflict("this message arrived, or is still being tried")
    return delivery


def _target(
    target_id: str,
    account_id: str,
    now_us: int,
    kind: TargetKind,
    *,
    url: str = "",
    person_id: str | None = None,
) -> Target:
    return Target(id=target_id, account_id=account_id, kind=kind, address=url, person_id=person_id, secret_number=1,
                  rotated_us=None, paused_us=None, created_us=now_us)  # fmt: skip


def _kind(text: str) -> RuleKind:
    for kind in KINDS:
        if kind == text:
            return kind
    raise BadRequest(f"{text!r} is no kind of alert; use one of {', '.join(KINDS)}", param="kind")


def _amount(text: str) -> int:
    try:
        return parse_usd(text.removeprefix("$").replace(",", ""))
    except ValueError as error:
        raise BadRequest(f"the amount: {error}", param="amount") from error


def _read_marks(kind: RuleKind, text: str) -> list[int]:
    """Of `anomaly` times, with up to two decimals; of `credit_days` days; else percentages."""
    parts = [part.strip().rstrip("%").strip() for part in text.split(",") if part.strip()]
    try:
        return [_times(part) if kind == "anomaly" else int(part) for part in parts]
    except ValueError as error:
        raise BadRequest(f"thresholds are numbers with commas between: {text!r}", param="marks") from error


def _checked(kind: RuleKind, given: Iterable[int], param: str) -> tuple[int, ...]:
    """In rising order, each once; 100 if there are none.  Raises BadRequest."""
    marks = sorted(set(given))
    if not marks and kind in ("credit_days", "anomaly"):
        raise BadRequest("say of how many " + ("days" if kind == "credit_days" else "times"), param=param)
    marks = marks or [100]
    least = 101 if kind == "anomaly" else 1
    if len(marks) > MARKS_MAX or marks[0] < least or marks[-1] > MARK_MAX:
        said = ", ".join(map(str, marks[:MARKS_MAX]))
        raise BadRequest(
            f"an alert has at most {MARKS_MAX} thresholds, each above {'1 time (100 %)' if kind == 'anomaly' else 'zero'}"
            f" and not absurdly high: {said}",
            param=param,
        )
    return tuple(marks)


def _times(text: str) -> int:
    """Hundredths of `2.5`.  Raises ValueError."""
    whole, _, decimals = text.rstrip("x").strip().partition(".")
    if len(decimals) > 2 or not (whole + decimals).isdecimal():
        raise ValueError(text)
    return int(whole or "0") * 100 + int(decimals.ljust(2, "0"))
