"""Commands about the ledger: who pays, what was used, and by how much the counts differ."""

from typing import Annotated, Any, Optional

import msgspec
import typer

from gateway.accounts import store as accounts
from gateway.acts.accounts import give, open_account, set_credit_limit
from gateway.api.schemas.accounts import account_info, credits_of, grant_info
from gateway.api.schemas.shapes import money
from gateway.api.schemas.usage import usage_sum
from gateway.cli.show import AsJson, DataDir, actor, ledger, out, settings_of, show, table
from gateway.credit import store as credit
from gateway.kit.clock import from_rfc3339, now_us
from gateway.kit.db import ReadConn
from gateway.kit.money import format_usd, parse_usd
from gateway.metering import store as metering
from gateway.metering.types import Selection
from gateway.rollups.audit import audit_all
from gateway.rollups.usage import sum_usage
from gateway.start import price_book

accounts_app = typer.Typer(no_args_is_help=True, help="Who pays.")


@accounts_app.command("create")
def accounts_create(
    name: str,
    grant: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            help="US dollars: exactly this credit. Without it, the price book's sign-up grant and monthly free tier."
        ),
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Open an account."""
    settings = settings_of(data_dir)
    book = price_book(settings)
    amount = book.sign_up_nanousd if grant is None else parse_usd(grant)
    kind: Any = "sign_up" if grant is None else "top_up"
    free = book.monthly_free_nanousd if grant is None else None
    with ledger(settings) as database:
        account = database.write_now(
            lambda conn: open_account(
                conn,
                actor(),
                name,
                grant_nanousd=amount,
                kind=kind,
                reason="command line",
                monthly_free_nanousd=free,
            )
        )
    show(
        msgspec.to_builtins(account_info(account)) | {"credit_usd": format_usd(amount + (free or 0))},
        as_json=as_json,
    )


@accounts_app.command("list")
def accounts_list(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Every account and its credit."""
    with ledger(settings_of(data_dir)) as database:
        rows = database.read_now(_accounts_with_credit)
    table(rows, as_json=as_json)


def _accounts_with_credit(conn: ReadConn) -> list[dict[str, Any]]:
    rows = []
    for account in accounts.list_accounts(conn):
        balance = credit.read_balance(conn, account.id)
        assert balance is not None, "an account is opened with its balance"
        credits_now = credits_of(balance, [], [])
        shown = ("granted_usd", "settled_usd", "held_usd", "available_usd")
        amounts = {name: getattr(credits_now, name) for name in shown}
        rows.append(msgspec.to_builtins(account_info(account)) | amounts)
    return rows


@accounts_app.command("grant", context_settings={"ignore_unknown_options": True})  # -0.5 is an amount
def accounts_grant(
    account: str,
    usd: str,
    kind: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            help="top_up, promotion, sign_up or correction. [default: top_up, or correction below 0]"
        ),
    ] = None,
    expires: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="When what is unused is taken back: an instant like 2027-01-01T00:00:00Z."),
    ] = None,
    priority: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(help="Of grants that expire together the lowest is used first."),
    ] = None,
    reason: Annotated[str, typer.Option(help="Why; kept with the grant.")] = "command line",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Give an account credit, in US dollars.  A negative amount is a correction."""
    amount = parse_usd(usd)
    given: Any = kind or ("correction" if amount < 0 else "top_up")
    expires_us = None if expires is None else from_rfc3339(expires)
    with ledger(settings_of(data_dir)) as database:
        found = database.read_now(lambda conn: accounts.find_account(conn, account))
        grant = database.write_now(
            lambda conn: give(
                conn,
                actor(),
                found.id,
                amount,
                kind=given,
                reason=reason,
                expires_us=expires_us,
                priority=priority,
            )
        )
    show(grant_info(grant), as_json=as_json)


@accounts_app.command("limit")
def accounts_limit(account: str, usd: str, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """How far an account may go beyond its credit, to be invoiced: more than 0 makes it postpaid."""
    limit = parse_usd(usd)
    with ledger(settings_of(data_dir)) as database:
        found = database.read_now(lambda conn: accounts.find_account(conn, account))
        balance = database.write_now(lambda conn: set_credit_limit(conn, actor(), found.id, limit))
    show(
        msgspec.to_builtins(account_info(found)) | money("credit_limit", balance.credit_limit_nanousd),
        as_json=as_json,
    )


def usage(
    account: str,
    group_by: Annotated[str, typer.Option(help="key, project, model or day")] = "key",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """What an account used and what it cost."""
    if group_by not in ("key", "project", "model", "day"):
        raise typer.BadParameter("group by key, project, model or day")
    grouping: Any = group_by
    with ledger(settings_of(data_dir)) as database:
        found = database.read_now(lambda conn: accounts.find_account(conn, account))
        rows = database.read_now(lambda conn: sum_usage(conn, Selection(account_id=found.id), grouping))
    table([usage_sum(row) for row in rows], as_json=as_json)


def drift(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """By how much each worker's token counts and ours ever differed, over the audit sample."""
    with ledger(settings_of(data_dir)) as database:
        rows = database.read_now(metering.sum_drift)
    table(rows, as_json=as_json)


def audit(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Derive every balance and receipt again from the immutable rows; exit status 1 if anything differs."""
    with ledger(settings_of(data_dir)) as database:
        report = database.read_now(lambda conn: audit_all(conn, now_us()))
    if as_json:
        show(report, as_json=True)
    else:
        for difference in report.differences:
            out.print(
                f"[red]differs[/] {difference.account} {difference.where}: {difference.problem}",
                soft_wrap=True,
            )
        verdict = "everything agrees" if not report.differences else f"{len(report.differences)} differences"
        out.print(
            f"{verdict}: {report.accounts} accounts, {report.events} events, ${format_usd(report.settled_nanousd)} settled",
            highlight=False,
        )
    raise typer.Exit(1 if report.differences else 0)
