"""What people read about alerts: one wording for the page, the mail and the webhook's `message`."""

from gateway.alerts.decide import PERCENT, threshold
from gateway.alerts.types import OF_CREDIT, Fire, Message, Rule, RuleKind
from gateway.kit.clock import rfc3339
from gateway.kit.money import NANOS_PER_CENT, NANOS_PER_USD
from gateway.statements.words import one_line, short

KIND_WORDS: dict[RuleKind, str] = {
    "spent_today": "Spent today",
    "spent_month": "Spent this month",
    "credit_below": "Credit left",
    "credit_days": "Days of credit left",
    "anomaly": "Unusual day",
}
SUBJECT_CHARS_MAX = 150


def rule_words(rule: Rule) -> str:
    """What a rule waits for: `reaches 50, 80, 100 % of $500.00`."""
    marks = ", ".join(map(str, rule.marks))
    if rule.kind == "credit_days":
        return f"lasts fewer than {marks} days at this rate"
    if rule.kind == "anomaly":
        times = ", ".join(_times(mark) for mark in rule.marks)
        return f"costs more than {times} times the mean of the 7 days before, and at least {short(rule.amount_nanousd)}"
    verb = "falls below" if rule.kind == "credit_below" else "reaches"
    share = "" if rule.marks == (PERCENT,) else f"{marks} % of "
    return f"{verb} {share}{short(rule.amount_nanousd)}"


def mark_words(rule: Rule, mark: int) -> str:
    """One threshold: `80 % of $500.00`, `7 days`, `3 times the usual`."""
    if rule.kind == "credit_days":
        return _days(mark)
    if rule.kind == "anomaly":
        return f"{_times(mark)} times the usual"
    share = "" if mark == PERCENT else f"{mark} % of "
    return f"{share}{short(rule.amount_nanousd)}"


def fired_words(fire: Fire, key_name: str | None) -> str:
    """One sentence."""
    rule, value = fire.rule, fire.value
    by_key = f" by the key {one_line(key_name)!r}" if key_name is not None else ""
    if rule.kind == "credit_days":
        return f"At this rate the credit lasts {_days(value)}, fewer than {_days(fire.mark)}."
    if rule.kind == "credit_below":
        limit = _of(rule, fire.mark)
        return f"{rounded(value)} of credit is left, less than {limit}."
    if rule.kind == "anomaly":
        return f"{rounded(value)} was spent today{by_key}, more than {mark_words(rule, fire.mark)}."
    when = "today" if rule.kind == "spent_today" else "this month"
    return f"{rounded(value)} was spent {when}{by_key}, which reaches {_of(rule, fire.mark)}."


def recovered_words(rule: Rule, mark: int, key_name: str | None) -> str:
    by_key = f" by the key {one_line(key_name)!r}" if key_name is not None else ""
    if rule.kind in OF_CREDIT:
        return f"{KIND_WORDS[rule.kind]}: above {mark_words(rule, mark)} again."
    period = "month" if rule.kind == "spent_month" else "day"
    return f"{KIND_WORDS[rule.kind]}{by_key}: the {period} that passed {mark_words(rule, mark)} is over."


def mail_words(message: Message, address: str) -> tuple[str, str]:
    """A mail's subject and text; `address`: of the account's alerts page, empty where it is not known."""
    said = one_line(f"{message.account_name}: {message.text}")
    subject = "".join(char for char in said if char.isprintable())
    if len(subject) > SUBJECT_CHARS_MAX:
        subject = subject[: SUBJECT_CHARS_MAX - 1] + "…"
    lines = [
        message.text,
        "",
        f"Account: {one_line(message.account_name)}",
        f"Noticed: {rfc3339(message.at_us)[:19].replace('T', ' ')} UTC",
        "",
        "Nothing was stopped; an alert only says so."
        if message.kind == "alert.fired"
        else "You asked for this message.",
    ]
    if address:
        lines += [f"Change what you are told: {address}"]
    return subject, "\n".join(lines) + "\n"


def rounded(nanousd: int) -> str:
    """To read at a glance: whole cents, and of less than a dollar four decimals."""
    unit = NANOS_PER_CENT if abs(nanousd) >= NANOS_PER_USD or nanousd == 0 else NANOS_PER_CENT // 100
    sign = -1 if nanousd < 0 else 1
    return short(sign * ((abs(nanousd) + unit // 2) // unit * unit))


def _of(rule: Rule, mark: int) -> str:
    """The threshold in dollars, and where it comes from."""
    if mark == PERCENT:
        return short(rule.amount_nanousd)
    return f"{short(threshold(rule, mark))}, {mark_words(rule, mark)}"


def _times(mark: int) -> str:
    """`3`, `2.5`: of hundredths."""
    return f"{mark // PERCENT}.{mark % PERCENT:02d}".rstrip("0").rstrip(".")


def _days(days: int) -> str:
    return f"{days} day" if days == 1 else f"{days} days"
