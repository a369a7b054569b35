"""docs/stripe.md's example, executed: Bob's invoice says what the page says, and each line follows from its receipts."""

import re
from pathlib import Path

from gateway.kit.money import format_usd, parse_usd
from tests.billing.explaining import explain
from tests.billing.world import MILLION, World

PAGE = (Path(__file__).parents[2] / "docs/stripe.md").read_text("utf-8")
HEAD = "| line | tokens | per million | discount | exact | cents |"


def said() -> list[list[str]]:
    lines = PAGE[PAGE.index(HEAD) :].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[: lines.index("")]]


def dollars(nanousd: int) -> str:
    return f"{'-' * (nanousd < 0)}${format_usd(abs(nanousd))}"


def test_the_page_says_what_the_invoice_says(world: World) -> None:
    bob = world.account(limit_usd=500)
    world.top_up(bob, 5)
    world.use(bob, 29 * MILLION, 9 * MILLION)
    world.use(bob, MILLION, 3_345_678)
    world.at("2027-02-01T01:30:00Z")
    world.settle()
    (drawn,) = world.drawn(bob)
    assert said() == [
        [
            line.token_class or line.kind,
            f"{line.tokens:,}" if line.tokens else "",
            f"${format_usd(line.price_nanousd_per_mtok)[:-7]}" if line.tokens else "",
            f"{line.discount_percent} %" if line.tokens else "",
            dollars(line.cost_nanousd),
            str(line.cents),
        ]
        for line in drawn.lines
    ]
    world.database.read_now(lambda conn: explain(conn, drawn))
    (owed,) = re.findall(r"Bob owes (\$\S+)\. ", PAGE)
    (added,) = re.findall(r"rounding added (\$\S+)\. ", PAGE)
    (asked,) = re.findall(r"The lines add up to (\d+) cents", PAGE)
    assert (parse_usd(owed), parse_usd(added)) == (drawn.invoice.owed_nanousd, drawn.invoice.rounding_nanousd)
    assert int(asked) == drawn.invoice.total_cents
    world.later(hours=3)
    world.settle()
    assert world.left(bob) == 0
    world.check()
