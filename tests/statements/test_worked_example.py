"""docs/your-bill.md, executed: the month it tells of, through the real ledger, gives the numbers it prints."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from gateway.accounts.store import find_account
from gateway.catalog.rate import classes
from gateway.catalog.read_toml import shipped
from gateway.credit.give import give, open_account
from gateway.errors import BadRequest, StorageUnavailable
from gateway.jobs.roll_up import roll_step
from gateway.keys.create import create_key
from gateway.kit.clock import from_rfc3339
from gateway.kit.db import Database, WriteConn
from gateway.kit.money import format_usd, parse_usd
from gateway.metering.receipt import read_receipt
from gateway.metering.types import UsageEvent
from gateway.rollups import roll as rolling
from gateway.rollups.audit import audit_all
from gateway.rollups.store import count_behind
from gateway.statements.draw_up import FINAL_AFTER_US, draw_up
from gateway.statements.types import Statement
from tests.fixtures.ledger import Books, order

PAGE = (Path(__file__).parents[2] / "docs/your-bill.md").read_text("utf-8")
NOVEMBER = from_rfc3339("2026-11-20T12:00:00Z")
DECEMBER = from_rfc3339("2026-12-01T00:00:00Z")


def rows(heading: str) -> list[list[str]]:
    """The cells of the page's table that begins with this heading."""
    lines = PAGE[PAGE.index(heading) :].splitlines()[2:]
    return [
        [cell.strip().removesuffix(" %") for cell in line.strip("| ").split("|")]
        for line in lines[: next(n for n, line in enumerate(lines) if not line.startswith("|"))]
    ]


def number(cell: str) -> int:
    return int(cell.replace(",", ""))


class Example:
    """Acme's November."""

    def __init__(self, database: Database) -> None:
        self.books = Books(database, shipped())
        self.books.now = NOVEMBER
        self.account, self.key = database.write_now(self._open)
        self.last: UsageEvent | None = None
        writer = self.books.writer()
        for cells in rows("| requests | text in"):
            count, text, image, answer, reasoning = map(number, cells)
            for _ in range(0, count, 100):
                self._send(writer, min(count, 100), text, image, answer, reasoning)
        self.books.do(writer.close())

    def _open(self, conn: WriteConn) -> tuple[str, str]:
        account = open_account(
            conn, "Acme", grant_nanousd=5 * 10**9, kind="sign_up", reason="sign-up", monthly_free_nanousd=None
        )
        give(conn, account.id, 50 * 10**9, kind="top_up", reason="card")
        key, _ = create_key(conn, kind="account", account_id=account.id, name="agent", key_secret=b"s")
        conn.exec_driver_sql(  # the free tier begins in the example's month, not in the month of the test
            f"UPDATE balances SET renew_us = {NOVEMBER}, turn_us = {NOVEMBER}"
        )
        return account.id, key.id

    def _send(self, writer: object, count: int, text: int, image: int, answer: int, reasoning: int) -> None:
        free = self.books.book.monthly_free_nanousd
        wanted = [
            order(
                (self.account, self.key), prompt=(text + image) * 200, tokens=answer + reasoning, monthly=free
            )
            for _ in range(count)
        ]
        holds = self.books.all(*(writer.hold(each) for each in wanted))  # type: ignore[attr-defined]
        charges = []
        for hold in holds:
            charge = self.books.charge(hold, answer + reasoning, inputs=text + image)
            event = msgspec.structs.replace(
                charge.event, input_image_tokens=image, output_reasoning_tokens=reasoning
            )
            charges.append(msgspec.structs.replace(charge, event=event))
        settled = self.books.all(*(writer.charge(each) for each in charges))  # type: ignore[attr-defined]
        self.last = settled[-1].event

    def statement(self, now_us: int = NOVEMBER) -> Statement:
        read = self.books.database.read_now
        account = read(lambda conn: find_account(conn, "Acme"))
        return read(lambda conn: draw_up(conn, account, "2026-11", now_us))


@pytest.fixture
def example(database: Database) -> Iterator[Example]:
    made = Example(database)
    yield made
    made.books.close()


def test_the_page_says_what_the_ledger_says(example: Example) -> None:
    drawn = example.statement()
    assert [
        [
            line.token_class, f"{line.tokens:,}", str(line.discount_percent), f"${format_usd(line.cost_nanousd)}",
            f"${line.cents // 100}.{line.cents % 100:02d}",
        ]
        for line in drawn.lines
    ] == rows("| class | tokens | discount | exact | amount |")  # fmt: skip
    paid = {each.kind: f"${format_usd(each.amount_nanousd)}" for each in drawn.applied}
    assert paid == dict(rows("| credit | pays |"))  # type: ignore[arg-type]
    said = {name: parse_usd(value) for name, value in (
        ("sum", re.search(r"exact sum is (\S+)\. ", PAGE)[1]),  # type: ignore[index]
        ("rounded", re.search(r"half up: (\S+)\. ", PAGE)[1]),  # type: ignore[index]
        ("left", re.search(r"(\$\S+) of the top-up is left", PAGE)[1]),  # type: ignore[index]
    )}  # fmt: skip
    assert said["sum"] == drawn.total_nanousd
    assert said["rounded"] == drawn.total_cents * 10**7
    assert f"-${format_usd(-drawn.rounding_nanousd)}" in PAGE
    assert said["left"] == example.books.balance(example.account).available_nanousd
    assert (drawn.due_cents, drawn.requests) == (0, 1_201)
    assert example.books.findings() == ()


def test_the_receipt_on_the_page_is_the_ledgers(example: Example) -> None:
    assert example.last is not None
    request_id = example.last.request_id
    receipt = example.books.database.read_now(lambda conn: read_receipt(conn, example.account, request_id))
    shown = [
        [line.token_class, str(line.tokens), str(line.discount_percent), "$0.20" if "in" in line.token_class[:2] else "$0.60",
         f"${format_usd(line.cost_nanousd)}"]
        for line in receipt.lines
    ]  # fmt: skip
    assert shown == rows("| class | tokens | discount | list price per million | cost |")
    assert sum(classes(example.last.counts).values()) == 45 + 29
    total = re.search(r"Together (\S+)\.\n", PAGE)
    assert total is not None
    assert parse_usd(total[1]) == example.last.cost_nanousd


def test_it_says_the_same_before_while_and_after_its_events_are_summed(
    example: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rolling, "EVENTS_MAX", 500)
    database, drawn = example.books.database, example.statement()
    while asyncio.run(roll_step(database)) == 0.0:
        assert example.statement() == drawn
    assert example.statement() == drawn
    assert database.read_now(lambda conn: count_behind(conn, example.account)) == 0
    assert database.read_now(lambda conn: audit_all(conn, 0)).differences == ()


def test_a_statement_does_not_add_up_what_takes_long(
    example: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = example.books.database.read_now
    account = read(lambda conn: find_account(conn, "Acme"))
    with pytest.raises(StorageUnavailable, match="1201 requests of this account are not summed yet"):
        read(lambda conn: draw_up(conn, account, "2026-11", NOVEMBER, unsummed_max=1_200))
    assert (
        read(lambda conn: draw_up(conn, account, "2026-11", NOVEMBER, unsummed_max=1_201)).requests == 1_201
    )


def test_a_statement_is_final_an_hour_after_its_month(example: Example) -> None:
    assert not example.statement(DECEMBER + FINAL_AFTER_US - 1).final
    assert example.statement(DECEMBER + FINAL_AFTER_US).final
    read = example.books.database.read_now
    account = read(lambda conn: find_account(conn, "Acme"))
    empty = read(lambda conn: draw_up(conn, account, "2026-12", DECEMBER))
    assert (empty.lines, empty.last_hash, empty.due_cents, empty.requests) == ((), None, 0, 0)
    with pytest.raises(BadRequest, match="write it like 2026-11"):
        read(lambda conn: draw_up(conn, account, "November", DECEMBER))
