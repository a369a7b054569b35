"""`tollway-gateway stripe …`: what Stripe must have, whether it agrees with the ledger, and what waits to be told."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, TypeVar

import typer

from gateway.acts.payments import note_sync, retry_intent
from gateway.billing import store
from gateway.billing.border import Border, is_live
from gateway.billing.report import count, last_report, report
from gateway.billing.sync import Step, plan
from gateway.billing.types import Intent
from gateway.catalog.store import in_force
from gateway.catalog.types import PriceBook
from gateway.cli.show import AsJson, DataDir, actor, ledger, out, settings_of, show, table
from gateway.kit.clock import now_us, rfc3339
from gateway.kit.db import Database
from gateway.kit.money import format_usd
from gateway.settings import Settings

stripe_app = typer.Typer(no_args_is_help=True, help="Payments by Stripe.")

T = TypeVar("T")
ROUNDS_MAX = 5
"""Some steps can only be planned when others are done; so many rounds are more than there are kinds of them."""
SHOWN_MAX = 200


@contextmanager
def _border(settings: Settings) -> Iterator[Border]:
    from gateway.app import stripe_of  # noqa: PLC0415 - it imports everything, and `keys` needs none of it

    with ledger(settings) as database:
        yield stripe_of(settings, database).require()


def _asked(border: Border, ask: Callable[[Border], Awaitable[T]]) -> T:
    """What Stripe says; its connections are closed then."""

    async def run() -> T:
        try:
            return await ask(border)
        finally:
            await border.api.close()

    return asyncio.run(run())


@stripe_app.command()
def status(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """How the border stands: mode, settings, what waits, what reconciling last found.  It asks nothing of Stripe."""
    settings = settings_of(data_dir)
    with ledger(settings) as database:
        show(_status(settings, database), as_json=as_json)


def _status(settings: Settings, database: Database) -> dict[str, Any]:
    key = settings.stripe_api_key
    counts, last = database.read_now(count), database.read_now(last_report)
    return {
        "mode": "off" if not key else "live" if is_live(key) else "test",
        "sink": settings.stripe_sink,
        "tax": settings.stripe_tax,
        "webhook_secret": bool(settings.stripe_webhook_secret),
        "public_url": settings.public_url or None,
        "outbox_waiting": counts.waiting,
        "outbox_frozen": counts.frozen,
        "inbox_unhandled": counts.unhandled,
        "reconciled_at": None if last is None else rfc3339(last.at_us),
        "differences": counts.differences,
    }


@stripe_app.command()
def sync(
    apply: Annotated[bool, typer.Option("--apply", help="Carry the plan out.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Print what Stripe lacks: the webhook endpoint, and for meters their prices.  A plan, until `--apply`; twice changes nothing."""
    with _border(settings_of(data_dir)) as border:
        book = border.database.read_now(lambda conn: in_force(conn, now_us()))
        done = _asked(border, lambda found: _carry_out(found, book, apply=apply))
    if not done:
        out.print("nothing to do: Stripe has what it needs")
    elif not apply:
        out.print("a plan: `tollway-gateway stripe sync --apply` carries it out", style="dim")


async def _carry_out(border: Border, book: PriceBook, *, apply: bool) -> int:
    """Prints each step, and what somebody must be told of it, once; how many there were."""
    number = 0
    for _ in range(ROUNDS_MAX if apply else 1):
        steps = await plan(border, book)
        for step in steps:
            number += 1
            out.print(step.words, highlight=False, markup=False, soft_wrap=True)
            if apply:
                await _apply(border, step)
        if not steps:
            break
    return number


async def _apply(border: Border, step: Step) -> None:
    told = await step.apply()
    await border.database.write(lambda conn: note_sync(conn, actor(), step.words))
    if told:
        out.print(told, highlight=False, markup=False, soft_wrap=True, style="bold")


@stripe_app.command()
def reconcile(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Compare the ledger with Stripe, cent by cent, both ways; exit status 1 if anything differs."""
    with _border(settings_of(data_dir)) as border:
        found = _asked(border, report)
    if as_json:
        show(found, as_json=True)
    else:
        for each in found.differences:
            words = (
                f"{each.about} {each.name}{f' of {each.account_id}' if each.account_id else ''}: {each.words}"
            )
            out.print(f"differs  {words}", highlight=False, markup=False, soft_wrap=True)
        verdict = f"{len(found.differences)} differences" if found.differences else "everything agrees"
        out.print(
            f"{verdict}: {found.payments} payments, {found.reversals} given back, {found.invoices} invoices,"
            f" ${format_usd(found.rounding_nanousd)} of rounding",
            highlight=False,
            soft_wrap=True,
        )
    raise typer.Exit(1 if found.differences else 0)


@stripe_app.command()
def outbox(
    done: Annotated[bool, typer.Option("--done", help="Also what is done.")] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """What Stripe is still owed to be told, the newest first."""
    with ledger(settings_of(data_dir)) as database:
        found = database.read_now(lambda conn: store.list_intents(conn, SHOWN_MAX, open_only=not done))
    table([_shown(each) for each in found], as_json=as_json)


@stripe_app.command()
def retry(intent_id: str, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Have a gateway try an intent of the outbox again at once, although it is frozen or waits for its time."""
    with ledger(settings_of(data_dir)) as database:
        found = database.write_now(lambda conn: retry_intent(conn, actor(), intent_id))
    show(_shown(found), as_json=as_json)


def _shown(intent: Intent) -> dict[str, Any]:
    state = "done" if intent.done_us else "frozen" if intent.frozen_us else "waiting"
    return {"id": intent.id, "kind": intent.kind, "account": intent.account_id, "state": state,
            "since": rfc3339(intent.created_us), "tries": intent.tries, "result": intent.result}  # fmt: skip
