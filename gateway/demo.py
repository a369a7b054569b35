"""`make run`: a gateway and a real model from nothing, one question asked through the SDK, and its bill.

The question goes to SmolLM2-135M, which is small enough for any machine.  It stands in for Magistral Small 1.2,
and says so: the same tokens are priced for both.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable

import httpx
import msgspec
import tollway
from rich.console import Console
from rich.table import Table

from gateway.accounts.store import find_account
from gateway.acts.keys import create_key
from gateway.acts.people import operators_link
from gateway.catalog.rate import rate, total_nanousd
from gateway.catalog.snapshot import Catalog
from gateway.catalog.types import Starts, TokenCounts
from gateway.kit.db import Database
from gateway.kit.money import format_usd
from gateway.serve import HANDOVER, show_secrets, with_embedded
from gateway.settings import Settings
from gateway.start import DEMO_ACCOUNT, bootstrap, key_secret, prepare, price_book

QUESTION = "In two sentences: why does a toll road count the cars that pass?"
BY = "demo"
"""Who does this, in the audit log."""
START_TIMEOUT_S = 30.0
STAND_IN_FOR = "magistral-small-2509"
MODEL = "smollm2-135m"
OPERATOR = "operator@localhost"
"""Who is signed in to the pages at first."""


def demonstrate(settings: Settings, console: Console, *, once: bool) -> int:
    """Exit status: 0 when the question was answered and billed."""
    console.print("[bold]Tollway[/] — a usage-metered LLM gateway\n")
    with console.status("preparing the ledger …"):
        prepare(settings)
    console.print(f"ledger ready in {settings.data_dir}", highlight=False)
    first = bootstrap(settings)
    show_secrets(first, console)
    key = first.demo_key or _another_key(settings)
    with with_embedded(settings, console) as ready:
        console.print(f"embedded worker ready: {MODEL} (real weights, llama.cpp, CPU)", highlight=False)
        gateway = _start_gateway(ready)
        try:
            base_url = f"http://{ready.host}:{ready.port}"
            _wait_until_ready(gateway, base_url)
            console.print(f"gateway ready on {base_url}\n", highlight=False)
            _ask(console, base_url, key, settings)
            _try_next(console, base_url, key)
            _show_pages(console, base_url, settings)
            if once:
                return 0
            console.print("serving until you press Ctrl-C", style="dim")
            return gateway.wait()
        except KeyboardInterrupt:
            return 0
        finally:
            _stop(gateway)


def _another_key(settings: Settings) -> str:
    """The demo account was made at an earlier start and its key is known to nobody here: make one more."""
    secret = key_secret(settings)
    database = Database(settings.database)
    try:
        account = database.read_now(lambda conn: find_account(conn, DEMO_ACCOUNT))
        _, key = database.write_now(
            lambda conn: create_key(
                conn, BY, kind="account", account_id=account.id, name="demo again", key_secret=secret
            )
        )
        return key
    finally:
        database.close()


def _start_gateway(settings: Settings) -> subprocess.Popen[bytes]:
    """As a process of its own, as in production; its log goes to a file, so that the answer stays readable."""
    environ = os.environ | {HANDOVER: msgspec.json.encode(settings, enc_hook=str).decode()}
    with (settings.data_dir / "gateway.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "gateway.serve"],
            env=environ,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _wait_until_ready(gateway: subprocess.Popen[bytes], base_url: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if gateway.poll() is not None:
            raise ValueError(f"the gateway stopped with status {gateway.returncode}; its log is gateway.log in the data"
                             " directory. Is the port taken? Try --port")  # fmt: skip
        try:
            if httpx.get(f"{base_url}/readyz", trust_env=False).status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            pass  # not listening yet
        time.sleep(0.05)
    raise ValueError(
        f"the gateway was not ready within {START_TIMEOUT_S:g} s; its log is gateway.log in the data directory"
    )


def _ask(console: Console, base_url: str, key: str, settings: Settings) -> None:
    console.print(
        f"[bold]{MODEL}[/] is asked (a small stand-in; do not trust its answers): [italic]{QUESTION}[/]"
    )
    with tollway.Tollway(api_key=key, base_url=base_url) as client:
        with client.chat.stream(
            model=MODEL, messages=[{"role": "user", "content": QUESTION}], max_tokens=120, temperature=0.2
        ) as stream:
            for text in stream.text_deltas():
                console.print(text, end="", style="cyan", highlight=False, markup=False)
            answer = stream.final()
        console.print("\n")
        receipt = client.receipts.get(answer.request_id)
        _print_receipt(console, receipt, client.credits.get())
        _print_stand_in(console, receipt, Catalog(price_book(settings)))
        _print_usage(console, client.usage.list(group_by="key"))


def _print_receipt(console: Console, receipt: tollway.Receipt, credit: tollway.Credits) -> None:
    table = Table(title=f"receipt {receipt.request_id}", title_justify="left", box=None, header_style="dim")
    for name in ("tokens", "class", "USD per million", "cost in USD"):
        table.add_column(name, justify="left" if name == "class" else "right")
    for line in receipt.lines:
        table.add_row(str(line.tokens), line.token_class, line.price_usd_per_mtok, line.cost_usd)
    table.add_row("", "total", "", receipt.cost_usd, style="bold")
    table.add_row("", "credit left", "", credit.remaining_usd)
    console.print(table)
    console.print("cost = tokens x price / 1,000,000, rounded up to a nano-dollar per line\n", style="dim")


def _print_stand_in(console: Console, receipt: tollway.Receipt, catalog: Catalog) -> None:
    model = catalog.find(STAND_IN_FOR)
    if model is None:
        return
    used = receipt.usage
    counts = TokenCounts(input_tokens=used.input_tokens, output_tokens=used.output_tokens)
    cost = format_usd(total_nanousd(rate(counts, model.prices, catalog.book.tiers, Starts())))
    console.print(
        f"as many tokens of {STAND_IN_FOR}, for which it stands in here, would cost ${cost}\n",
        highlight=False,
    )


def _print_usage(console: Console, rows: Iterable[tollway.UsageRow]) -> None:
    table = Table(title="usage by key", title_justify="left", box=None, header_style="dim")
    for name in ("key", "requests", "input", "output", "cost in USD"):
        table.add_column(name, justify="left" if name == "key" else "right")
    for row in rows:
        table.add_row(
            row.key_name, str(row.requests), str(row.input_tokens), str(row.output_tokens), row.cost_usd
        )
    console.print(table)
    console.print()


def _try_next(console: Console, base_url: str, key: str) -> None:
    console.print("[bold]Try next[/]")
    body = f'{{"model": "{MODEL}", "messages": [{{"role": "user", "content": "Hello"}}]}}'
    lines = (
        f"curl {base_url}/v1/chat/completions -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' -d '{body}'",
        f"curl {base_url}/v1/credits -H 'Authorization: Bearer {key}'",
        f"python -c \"import openai; print(openai.OpenAI(base_url='{base_url}/v1', api_key='{key}')"
        f".chat.completions.create(model='{MODEL}', messages=[{{'role': 'user', 'content': 'Hello'}}]).usage)\"",
    )
    for line in lines:
        console.print(f"  {line}", highlight=False, soft_wrap=True, markup=False)
    console.print()


def _show_pages(console: Console, base_url: str, settings: Settings) -> None:
    """A link that signs whoever runs this in as an operator."""
    database = Database(settings.database)
    try:
        secret = database.write_now(lambda conn: operators_link(conn, BY, OPERATOR))
    finally:
        database.close()
    console.print("[bold]Watch it[/] (this link signs you in once, within 15 minutes)")
    console.print(f"  {base_url}/dashboard/link/{secret}\n", highlight=False, soft_wrap=True, markup=False)


def _stop(gateway: subprocess.Popen[bytes]) -> None:
    if gateway.poll() is None:
        gateway.send_signal(signal.SIGTERM)
        try:
            gateway.wait(timeout=15)
        except subprocess.TimeoutExpired:
            gateway.kill()
            gateway.wait()
