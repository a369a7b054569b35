"""Rules of alerts are made and removed, addresses that are told added, changed and tried, messages sent again."""

import msgspec

from gateway.accounts.types import Account
from gateway.alerts import manage
from gateway.alerts.types import Rule, Target
from gateway.keys.manage import managed_account
from gateway.keys.types import Caller
from gateway.kit.db import WriteConn
from gateway.people.log import record


def add_rule(conn: WriteConn, by: str, rule: Rule) -> None:
    """Raises Conflict, NotFound."""
    manage.add_rule(conn, rule)
    record(conn, by, "alert.add", rule.created_us, target=rule.id, account_id=rule.account_id,
           after=msgspec.structs.asdict(rule))  # fmt: skip


def remove_rule(conn: WriteConn, by: str, account_id: str, rule_id: str, now_us: int) -> Rule:
    """Raises NotFound."""
    gone = manage.remove_rule(conn, account_id, rule_id, now_us)
    record(conn, by, "alert.remove", now_us, target=rule_id, account_id=account_id,
           before=msgspec.structs.asdict(gone))  # fmt: skip
    return gone


def add_own_rule(conn: WriteConn, caller: Caller, rule: Rule) -> None:
    """By a key that manages keys.  Raises NotAllowed, NotAuthenticated besides."""
    managed_account(conn, caller)
    add_rule(conn, caller.actor, rule)


def remove_own_rule(conn: WriteConn, caller: Caller, rule_id: str, now_us: int) -> Rule:
    """By a key that manages keys.  Raises NotAllowed, NotAuthenticated besides."""
    return remove_rule(conn, caller.actor, managed_account(conn, caller), rule_id, now_us)


def add_target(conn: WriteConn, by: str, target: Target) -> None:
    """Raises Conflict."""
    manage.add_target(conn, target)
    record(conn, by, "alert_target.add", target.created_us, target=target.id, account_id=target.account_id,
           after={"kind": target.kind, "address": target.address, "person_id": target.person_id})  # fmt: skip


def change_target(conn: WriteConn, by: str, account_id: str, target_id: str, act: str, now_us: int) -> Target:
    """`remove`, `resume` or `rotate`.  Raises BadRequest, NotFound."""
    target = manage.change_target(conn, account_id, target_id, act, now_us)
    _of_target(conn, by, act, target, now_us)
    return target


def send_test(
    conn: WriteConn, by: str, account: Account, target_id: str, delivery_id: str, now_us: int
) -> None:
    """Raises Conflict, NotFound."""
    target = manage.send_test(conn, account, target_id, delivery_id, now_us)
    _of_target(conn, by, "test", target, now_us)


def send_again(conn: WriteConn, by: str, account_id: str, delivery_id: str, now_us: int) -> None:
    """Raises Conflict, NotFound."""
    delivery = manage.send_again(conn, account_id, delivery_id, now_us)
    record(conn, by, "alert_message.again", now_us, target=delivery_id, account_id=account_id,
           after={"to": delivery.target_id})  # fmt: skip


def _of_target(conn: WriteConn, by: str, act: str, target: Target, now_us: int) -> None:
    record(conn, by, f"alert_target.{act}", now_us, target=target.id, account_id=target.account_id,
           after={"address": target.address})  # fmt: skip
