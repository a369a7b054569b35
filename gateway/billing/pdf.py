"""The statement on paper, by Typst.

Typst, of fpdf2, reportlab and Typst: it alone brings fonts that spell Latin, Greek and Cyrillic names, so that the
same statement is the same bytes on every machine; it tags the PDF for screen readers, repeats table headers by
itself, takes some 20 ms, and needs no other package.  The price is its size: 81 MB installed.
"""

from importlib.resources import files

import msgspec
import typst

from gateway.billing.types import Statement
from gateway.billing.words import statement_words
from gateway.kit.clock import SECOND_US

_TEMPLATE = files("gateway.billing").joinpath("statement.typ").read_bytes()
_FONTS = typst.Fonts(include_system_fonts=False)


def statement_pdf(statement: Statement) -> bytes:
    """A tagged A4 PDF.  No clock is read: it is dated by the end of the statement's interval.

    A letter that no bundled font has (Chinese, say) is drawn as an empty box; the account's id stands beside its name.
    """
    return typst.compile(
        _TEMPLATE,
        font_paths=_FONTS,
        ignore_system_fonts=True,
        sys_inputs={"statement": msgspec.json.encode(statement_words(statement)).decode()},
        timestamp=statement.end_us // SECOND_US,
    )
