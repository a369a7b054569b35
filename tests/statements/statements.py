"""Statements to draw, and readers of what was drawn."""

import io
from html.parser import HTMLParser
from typing import Any

import pypdf

from gateway.kit.clock import from_rfc3339
from gateway.kit.money import NANOS_PER_CENT, cost_nanousd
from gateway.statements.types import Applied, Line, Statement

CLASSES = ("input_text", "input_image", "input_cached", "output_text", "output_reasoning")
PRICES = (200_000_000, 500_000_000, 20_000_000, 1_500_000_000, 1_500_000_000)
HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def line(number: int) -> Line:
    tokens = 1_234_567 * (number + 1) + 7_919 * number * number
    price = PRICES[number % 5]
    discount = (0, 20)[number % 2]
    cost = cost_nanousd(tokens, price * (100 - discount) // 100)
    return Line(
        model=f"model-{number // 5}",
        token_class=CLASSES[number % 5],
        discount_percent=discount,
        tokens=tokens,
        price_nanousd_per_mtok=price,
        cost_nanousd=cost,
        cents=(cost + NANOS_PER_CENT // 2) // NANOS_PER_CENT,
    )


def statement(count: int = 7, **changed: Any) -> Statement:
    """A postpaid month of so many lines, $1.25 of it paid by the free tier."""
    lines = tuple(line(number) for number in range(count))
    free = (
        Applied(
            grant_id="gr_1", kind="monthly_free", reason="free tier of 2026-11", amount_nanousd=1_250_000_000
        ),
    )
    applied = free if lines else ()
    exact_sum = sum(each.cost_nanousd for each in lines)
    cents = sum(each.cents for each in lines)
    fields: dict[str, Any] = {
        "account_id": "acct_1",
        "account_name": "Ada & Sons",
        "month": "2026-11",
        "begin_us": from_rfc3339("2026-11-01T00:00:00Z"),
        "end_us": from_rfc3339("2026-12-01T00:00:00Z"),
        "final": True,
        "requests": 12_345 if lines else 0,
        "lines": lines,
        "total_nanousd": exact_sum,
        "total_cents": cents,
        "rounding_nanousd": cents * NANOS_PER_CENT - exact_sum,
        "applied": applied,
        "applied_nanousd": sum(each.amount_nanousd for each in applied),
        "due_cents": cents - 125 * len(applied),
        "price_versions": (1, 2) if lines else (),
        "first_seq": 4 if lines else None,
        "last_seq": 12_348 if lines else None,
        "last_hash": HASH if lines else None,
    }
    return Statement(**fields | changed)


class Page(HTMLParser):
    """What of a page matters here: its elements, its text, and its tables as rows of cells."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.rows: list[list[str]] = []
        self._in_cell = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self._in_cell = True
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        if tag in {"td", "th"}:
            self._in_cell = False

    def handle_data(self, data):
        self.text += data
        if self._in_cell:
            self.rows[-1][-1] += data


def pages(pdf: bytes) -> list[str]:
    """The text of each page, with the spaces between words made one."""
    reader = pypdf.PdfReader(io.BytesIO(pdf))
    return [" ".join(page.extract_text().replace("\u200b", "").split()) for page in reader.pages]
