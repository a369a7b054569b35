"""What a rule looks at: sums by day and the balance, of one account at one instant."""

from gateway.alerts.types import Figures, Rule
from gateway.credit import store as credit
from gateway.errors import NotFound
from gateway.kit.clock import DAY_US, month_begin_us
from gateway.kit.db import ReadConn
from gateway.rollups import store as rollups
from gateway.rollups.outlook import RATE_DAYS, outlook


def look(conn: ReadConn, account_id: str, rules: tuple[Rule, ...], now_us: int) -> Figures:
    """Reads sums of 7 to 38 days: of the account, and of the keys that have rules."""
    balance = credit.read_balance(conn, account_id)
    if balance is None:
        raise NotFound("this account has no balance")
    today = now_us // DAY_US
    days = (min(today - RATE_DAYS, month_begin_us(now_us) // DAY_US), today + 1)
    found = rollups.sum_by(conn, "day", days, "period", account_id=account_id)
    spent = {int(day): sums.cost_nanousd for (day,), sums in found}
    key_ids = sorted({rule.key_id for rule in rules if rule.key_id is not None})
    by_key: dict[str, dict[int, int]] = {key_id: {} for key_id in key_ids}
    if key_ids:
        of_keys = rollups.sum_by(
            conn, "day", days, "period", "key_id", account_id=account_id, key_ids=key_ids
        )
        for (day, key_id), sums in of_keys:
            by_key[str(key_id)][int(day)] = sums.cost_nanousd
    left = balance.available_nanousd
    return Figures(
        remaining_nanousd=balance.remaining_nanousd,
        account=outlook(spent, left, now_us),
        by_key={key_id: outlook(each, left, now_us) for key_id, each in by_key.items()},
    )
