"""Draws docs/pages anew: `python -m tests.dashboard.shots [--out FOLDER]`, which is `make shots`.

A gateway with made-up months of traffic (tests/bench/seed.py), a real small model and a real browser.  Every page in light,
dark and at phone width.  Each has 128 colours, so that the repository stays small.
"""

import argparse
import io
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from tollway.admin import Admin

from gateway.acts.payments import set_auto_top_up
from gateway.catalog.read_toml import shipped
from gateway.credit.give import give, open_account
from gateway.keys.create import create_key
from gateway.kit.clock import DAY_US, now_us, rfc3339
from gateway.kit.db import WriteConn
from gateway.kit.money import NANOS_PER_USD
from gateway.metering.types import UsageEvent
from gateway.payments.book import book_reversal
from gateway.start import key_secret
from gateway.workers.embedded import EmbeddedWorker
from tests.bench.bulk import Bulk
from tests.bench.seed import roll_all
from tests.bench.traffic import PIECE, Owner, Plan, Traffic
from tests.dashboard.browsing import person
from tests.dashboard.test_journey import CHROMIUM, FLAGS, LOOKS, OPERATORS, PAGES, Visitor
from tests.fixtures.paid import invoiced, paid_by_card, paid_gateway, save_card
from tests.fixtures.postbox import Postbox
from tests.fixtures.running import RunningGateway

ACCOUNTS = ("Lovelace & Co", "Analytical Engines", "Notes on Looms", "Difference Press", "Menabrea Labs")
KEYS = ("website chat", "search index", "nightly summaries", "mobile app", "evaluation")
EVENTS = 20_000
DAYS = 60
COLOURS = 128
BYTES_MAX = 150_000
HEIGHT_MAX = 1800
ALERTS = (
    {"amount": "2", "marks": "50, 80, 100"},
    {"amount": "25"},
    {"marks": "14, 3"},
    {"marks": "3", "amount": "1"},
)
"""What is typed into the forms of the page of alerts, from the first on."""


def fill(gateway: RunningGateway) -> str:
    """Two months of five accounts, projects, caps, alerts that fire.  Returns the id of the account to look at."""
    secret, now = key_secret(gateway.settings), now_us()

    def open_all(conn: WriteConn) -> list[Owner]:
        owners = []
        for place, name in enumerate(ACCOUNTS):
            usd = NANOS_PER_USD
            account = open_account(conn, name, grant_nanousd=5 * usd, kind="sign_up", reason="welcome")
            give(conn, account.id, 20 * usd, kind="top_up", reason="invoice 2041")
            give(
                conn,
                account.id,
                3 * usd,
                kind="promotion",
                reason="spring fair",
                expires_us=now + 40 * DAY_US,
            )
            names = KEYS if place == 0 else KEYS[:2]
            made = [
                create_key(conn, kind="account", account_id=account.id, name=each, key_secret=secret)[0]
                for each in names
            ]
            owners.append(Owner(account.id, [key.id for key in made]))
        return owners

    owners = gateway.database.write_now(open_all)
    book = shipped()
    with Admin(gateway.operator(), gateway.url) as admin:
        shop = admin.projects.create(ACCOUNTS[0], "Shop", cap_month_usd=10)
        batch = admin.projects.create(ACCOUNTS[0], "Batch jobs", cap_day_usd="0.05", cap_month_usd=2)
        old = admin.projects.create(ACCOUNTS[0], "Prototype")
        admin.projects.change(old.id, archived=True)
        for number, key_id in enumerate(owners[0].key_ids[:4]):
            admin.keys.change(key_id, project=(shop if number != 2 else batch).id)
        admin.keys.change(owners[0].key_ids[0], cap_month_usd=4)
        admin.accounts.set_limits(
            ACCOUNTS[0], requests_per_minute=600, output_tokens_per_minute=200_000, concurrency=40
        )
        admin.keys.set_limits(owners[0].key_ids[4], requests_per_minute=30)
    project_of = dict.fromkeys(owners[0].key_ids[:4], shop.id) | {owners[0].key_ids[2]: batch.id}
    traffic = Traffic(
        Plan(events=EVENTS, days=DAYS, accounts=len(ACCOUNTS), seed=7, end_us=now), owners, book
    )

    def write(conn: WriteConn) -> None:
        bulk = Bulk(conn, book)
        for number in range(EVENTS // PIECE):
            bulk.write(conn, [_in_project(each, project_of) for each in traffic.piece(number)])

    gateway.database.write_now(write)
    roll_all(gateway.database)
    pay(gateway, owners[0].account_id, now)
    return owners[0].account_id


def pay(gateway: RunningGateway, account_id: str, now: int) -> None:
    """Top-ups, one of them refunded in part, a rule, invoices."""
    save_card(gateway, account_id)
    first = paid_by_card(gateway, account_id, 5_000, "3f9c", at_us=now - 40 * DAY_US)
    paid_by_card(gateway, account_id, 2_500, "71aa", kind="auto", at_us=now - 9 * DAY_US)
    months = [rfc3339(now - days * DAY_US)[:7] for days in (62, 31)]
    for month, state in zip(months, ("paid", "finalized"), strict=True):
        invoiced(gateway, account_id, month, state=state)  # type: ignore[arg-type]

    def more(conn: WriteConn) -> None:
        book_reversal(conn, first, "re_1PqXyZ", "refund", 1_000, now - 20 * DAY_US)
        set_auto_top_up(
            conn,
            "ada@example.com",
            account_id,
            below_nanousd=NANOS_PER_USD,
            cents=2_500,
            daily_cents_max=10_000,
        )

    gateway.database.write_now(more)


def _in_project(event: UsageEvent, project_of: dict[str, str]) -> UsageEvent:
    return msgspec.structs.replace(event, project_id=project_of.get(event.key_id))


def play(page: Page, account: str) -> None:
    """Alerts, some of which fire, and a conversation; by hand, as people do."""
    page.goto(f"{account}/alerts")
    for place, fields in enumerate(ALERTS):
        form = page.locator("form.choice").nth(place)
        for name, value in fields.items():
            form.locator(f"[name={name}]").fill(value)
        form.get_by_role("button", name="Add").click()
    page.locator("select[name=person_id]").select_option(index=0)
    page.locator("form.choice", has=page.locator("select[name=person_id]")).get_by_role("button").click()
    page.get_by_role("button", name=re.compile("Send a test")).first.click()
    page.goto(account)
    page.get_by_text("fires").first.wait_for(timeout=90_000)


def ask(page: Page) -> None:
    page.get_by_label("Message").fill("Why is the sky blue?")
    page.get_by_role("button", name="Send").click()
    page.get_by_text(re.compile("receipt", re.IGNORECASE)).first.wait_for(timeout=60_000)


def draw(gateway: RunningGateway, browser: Browser, account_id: str, out: Path) -> None:
    home = f"/dashboard/accounts/{account_id}"
    visitor = Visitor(browser, gateway)
    page = visitor.sign_in(person(gateway, "ada@example.com", operator=True, **{ACCOUNTS[0]: "owner"}))
    play(page, home)
    paths = {(path.strip("/") or "overview"): home + path for path in PAGES}
    page.goto(f"{home}/requests")
    paths["receipt"] = str(page.locator("tr", has_text="magistral").locator("a").first.get_attribute("href"))
    page.goto(f"{home}/keys")
    paths["key"] = str(page.get_by_role("link", name=KEYS[0]).get_attribute("href"))
    page.goto(f"{home}/billing")
    paths["invoice"] = str(page.locator('a[href*="/billing/invoices/"]').first.get_attribute("href"))
    paths |= {f"operator{path.replace('/', '-')}": f"/dashboard/operator{path}" for path in OPERATORS}
    paths |= {"sessions": "/dashboard/sessions", "sign-in": "/dashboard/sign-in"}
    for look, (scheme, width) in LOOKS.items():
        context = browser.new_context(
            base_url=gateway.url, color_scheme=scheme, viewport={"width": width, "height": 800}
        )  # type: ignore[arg-type]
        context.add_cookies(visitor.cookies())
        for name, path in paths.items():
            page = context.new_page()
            if name == "sign-in":
                context.clear_cookies()
            page.goto(path)
            if name == "playground":
                ask(page)
            if name == "operator":
                page.wait_for_timeout(2500)  # two looks, between which requests are counted
            save(page, out / f"{name}{'' if look == 'light' else f'-{look}'}.png")
            page.close()
        context.close()
    visitor.close()


def save(page: Page, path: Path) -> None:
    """Of long pages the first part, which is enough to see what they are."""
    height = min(int(page.evaluate("document.documentElement.scrollHeight")), HEIGHT_MAX)
    shot = page.screenshot(
        full_page=True, clip={"x": 0, "y": 0, "width": page.viewport_size["width"], "height": height}
    )  # type: ignore[index]
    for colours in (COLOURS, COLOURS // 4):
        Image.open(io.BytesIO(shot)).convert("RGB").quantize(colours, dither=Image.Dither.NONE).save(
            path, optimize=True
        )
        if path.stat().st_size < BYTES_MAX:
            return
    raise SystemExit(f"{path} has {path.stat().st_size} bytes, of at most {BYTES_MAX}")


@contextmanager
def gateway_of(folder: Path) -> Iterator[RunningGateway]:
    with (
        Postbox() as postbox,
        EmbeddedWorker() as worker,
        paid_gateway(folder, worker.url, first_byte_timeout_s=60.0, chunk_gap_s_max=60.0, smtp_url=postbox.url,
                     mail_from="Tollway <t@example.com>", public_url="https://tollway.example") as (running, _),
    ):  # fmt: skip
        yield running


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/pages"))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, gateway_of(Path(folder)) as gateway:
        account_id = fill(gateway)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            draw(gateway, browser, account_id, args.out)
            browser.close()


if __name__ == "__main__":
    main()
