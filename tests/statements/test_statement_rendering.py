"""A statement drawn three ways, read back from what was drawn."""

import io
import json
import re

import msgspec
import pypdf
import pytest

from gateway.kit.clock import from_rfc3339
from gateway.kit.money import NANOS_PER_CENT, parse_usd
from gateway.statements.fields import statement_info
from gateway.statements.html import CONTENT_SECURITY_POLICY, statement_html
from gateway.statements.pdf import statement_pdf
from gateway.statements.types import Applied, Statement
from gateway.statements.words import dollars, exact, instant, one_line, short, statement_words
from tests.statements.statements import HASH, Page, line, pages, statement


def statement_fields(told: Statement):
    return msgspec.to_builtins(statement_info(told))


def test_fields_are_json_and_say_each_amount_twice():
    drawn = statement_fields(statement())
    assert json.loads(msgspec.json.encode(drawn)) == drawn
    first = drawn["lines"][0]
    assert first["tokens"] == 1_234_567
    assert first["cost_nanousd"] == 246_913_400 and first["cost_usd"] == "0.246913400"
    assert first["cents"] == 25 and first["dollars"] == "0.25"
    assert first["price_nanousd_per_mtok"] == 200_000_000 and first["price_usd_per_mtok"] == "0.200000000"
    assert drawn["applied"][0]["amount_usd"] == "1.250000000"
    assert drawn["begin_at"] == "2026-11-01T00:00:00.000000Z"
    assert drawn["end_at"] == "2026-12-01T00:00:00.000000Z"
    assert (drawn["first_seq"], drawn["last_seq"], drawn["last_hash"]) == (4, 12_348, HASH)


def test_every_nanousd_has_its_usd_and_every_cents_its_dollars():
    drawn = statement_fields(statement(rounding_nanousd=-1, due_cents=-5))
    for fields in (drawn, *drawn["lines"], *drawn["applied"]):
        for name, value in fields.items():
            if "nanousd" in name:
                assert parse_usd(fields[name.replace("nanousd", "usd")]) == value, name
            if name.endswith("cents"):
                text = fields[name.replace("cents", "dollars")]
                assert parse_usd(text) == value * NANOS_PER_CENT and re.fullmatch(r"-?\d+\.\d\d", text)
    assert drawn["rounding_usd"] == "-0.000000001" and drawn["due_dollars"] == "-0.05"


def test_fields_state_the_rule_of_rounding():
    drawn = statement_fields(statement())
    assert drawn["total_nanousd"] + drawn["rounding_nanousd"] == drawn["total_cents"] * NANOS_PER_CENT
    assert sum(each["cents"] for each in drawn["lines"]) == drawn["total_cents"]
    for word in ("once", "whole cents", "half up", "rounding"):
        assert word in drawn["rounding_note"]


def value(text: str) -> int:
    """Nano-dollars of an amount as printed."""
    return parse_usd(text.replace("\N{MINUS SIGN}", "-").replace("$", "").replace(",", "").removeprefix("+"))


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"due_cents": 0},
        {"due_cents": 0, "applied_nanousd": 9_999_999_999},
        {"applied_nanousd": 5, "due_cents": 1},
    ],
)
def test_the_summary_adds_up_whatever_is_due(changed):
    told = statement(**changed)
    if "applied_nanousd" in changed:
        told = msgspec.structs.replace(
            told,
            applied=(Applied(grant_id="g", kind="top_up", reason="", amount_nanousd=told.applied_nanousd),),
        )
    rows = statement_words(told)["totals"]
    at = [row["kind"] for row in rows].index("subtotal")
    amounts = [value(row["amount"]) for row in rows]
    assert sum(amounts[:at]) == amounts[at]
    assert sum(amounts[at:-1]) == amounts[-1] == told.due_cents * NANOS_PER_CENT


def test_page_has_each_line_once_in_its_columns():
    told = statement()
    rows = Page(statement_html(told)).rows
    for each in told.lines:
        matching = [row for row in rows if f"{each.tokens:,}" in row]
        assert len(matching) == 1, each
        assert matching[0][-2:] == [exact(each.cost_nanousd), dollars(each.cents)]
        assert matching[0][3] == ("\N{MINUS SIGN}20%" if each.discount_percent else "none")
    assert [row[0] for row in rows if row[0].startswith("model-")] == ["model-0", "model-1"]
    assert rows[-1] == ["Amount due", dollars(told.due_cents)]


def test_page_is_semantic_and_asks_nobody_for_anything():
    page = Page(statement_html(statement()))
    tags = [tag for tag, _ in page.tags]
    assert tags.count("table") == tags.count("caption") == 2
    assert all("scope" in attrs for tag, attrs in page.tags if tag == "th")
    assert not {"script", "link", "img", "iframe", "form"} & set(tags)
    for tag, attrs in page.tags:
        assert not {"src", "href", "style", "onclick"} & set(attrs), tag
    policy = next(attrs["content"] for _, attrs in page.tags if "http-equiv" in attrs)
    assert policy == CONTENT_SECURITY_POLICY and "unsafe" not in policy
    for word in ("Tollway", "Statement, November 2026", "1, 2", "4 to 12348", HASH, "tollway-gateway audit"):
        assert word in page.text


def test_page_escapes_what_strangers_wrote():
    hostile = "</title></style><script>alert('1')</script>\" onload=x {{ 7*7 }}"
    told = statement(
        account_name=hostile,
        account_id=hostile,
        lines=(msgspec.structs.replace(line(0), model=hostile),),
        applied=(Applied(grant_id=hostile, kind=hostile, reason=hostile, amount_nanousd=1),),
    )
    html = statement_html(told)
    page = Page(html)
    assert "<script" not in html and "script" not in [tag for tag, _ in page.tags]
    assert page.text.count(hostile) == 7, "title, name, id, model, and the grant's kind, reason and id"
    assert html.count("<style>") == 1


def test_names_that_are_code_in_typst_are_text_in_the_pdf():
    hostile = '#panic("x") $1/0$ *bold* @ref <script> \\ [a] `b` //c'
    (page,) = pages(statement_pdf(statement(1, account_name=hostile)))
    assert hostile in page


def test_text_from_strangers_stays_in_its_line():
    assert one_line("a\n\tb\x00 c\u2028d\u202e\u2066e") == "a b c de"
    assert one_line("\ud800") == "\N{REPLACEMENT CHARACTER}"
    assert statement_pdf(statement(account_name="\ud800\x00", last_hash=None))


def test_pdf_has_lines_totals_and_how_to_check():
    told = statement()
    (page,) = pages(statement_pdf(told))
    for each in told.lines:
        row = f"{each.tokens:,} {short(each.price_nanousd_per_mtok)}"
        assert row in page
        assert f"{exact(each.cost_nanousd)} {dollars(each.cents)}" in page
    for word in ("Tollway", "Statement, November 2026", "Ada & Sons", "acct_1", "model-0", "model-1", HASH):
        assert word in page
    assert f"Amount due {dollars(told.due_cents)}" in page
    assert f"Subtotal {dollars(told.total_cents)}" in page
    assert "free tier of 2026-11 gr_1" in page and "4 to 12348" in page
    assert "tollway-gateway audit" in page and "Page 1 of 1" in page


def test_many_lines_take_several_pages_with_headers_and_an_unsplit_summary():
    told = statement(200)
    drawn = pages(statement_pdf(told))
    assert len(drawn) > 3
    text = " ".join(drawn)
    for each in told.lines:
        assert f"{exact(each.cost_nanousd)} {dollars(each.cents)}" in text
    for page in drawn[:5]:
        assert "Token class Tokens List price per million" in page
        assert re.search(r"model-\d+ (In|Out)put", page), "a page that begins within a model names it"
    (summary,) = [page for page in drawn if "Sum of the lines" in page]
    assert "Summary" in summary and f"Amount due {dollars(told.due_cents)}" in summary


def test_many_grants_are_all_on_the_paper():
    grants = tuple(
        Applied(grant_id=f"grt_{n:032x}", kind="top_up", reason="paid", amount_nanousd=n) for n in range(60)
    )
    drawn = pages(statement_pdf(statement(applied=grants)))
    assert len(drawn) > 2
    assert all(grant.grant_id in " ".join(drawn) for grant in grants)
    assert "Amount due" in drawn[-1]


def test_pdf_spells_names_of_other_alphabets():
    name = "Žluťoučký Łódź őű Ωμέγα Москва Київ"
    (page,) = pages(statement_pdf(statement(account_name=name)))
    assert name in page
    assert name in Page(statement_html(statement(account_name=name))).text


def test_letters_without_a_font_do_not_stop_the_bill():
    told = statement(account_name="東京株式会社 🚀 עברית العربية")
    (page,) = pages(statement_pdf(told))
    assert "acct_1" in page and f"Amount due {dollars(told.due_cents)}" in page


def test_the_same_statement_is_the_same_bytes_dated_by_its_end():
    told = statement()
    assert statement_pdf(told) == statement_pdf(statement())
    assert statement_html(told) == statement_html(statement())
    info = pypdf.PdfReader(io.BytesIO(statement_pdf(told))).metadata
    assert info.creation_date.isoformat() == "2026-12-01T00:00:00+00:00"
    assert info.title == "Tollway statement, November 2026, Ada & Sons"


def test_an_empty_month_says_so():
    told = statement(0)
    assert statement_fields(told)["lines"] == [] and statement_fields(told)["last_hash"] is None
    for text in (Page(statement_html(told)).text, *pages(statement_pdf(told))):
        assert "Nothing was used in this month." in text
        assert "Chain hash" not in text and "$0.00" in text


def test_a_running_month_says_that_it_may_grow():
    told = statement(final=False)
    for text in (Page(statement_html(told)).text, *pages(statement_pdf(told))):
        assert "Preliminary" in text and "may grow" in text and "Due so far" in text
        assert "Amount due" not in text


def test_long_words_stay_on_the_paper():
    drawn = statement_pdf(statement(account_name="x" * 200))
    (page,) = pypdf.PdfReader(io.BytesIO(drawn)).pages
    lines = [text.count("x") for text in page.extract_text().replace("\u200b", "").splitlines()]
    assert sum(lines) >= 200 and max(lines) < 60


def test_words_for_money_and_time():
    assert dollars(-123_456) == "\N{MINUS SIGN}$1,234.56"
    assert exact(1) == "$0.000000001" and short(12_500_000) == "$0.0125" and short(0) == "$0.00"
    assert instant(from_rfc3339("2026-11-23T09:05:07Z")) == "23 November 2026, 09:05:07 UTC"
