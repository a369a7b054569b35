"""The statement on paper, by Typst.

Typst, of fpdf2, reportlab and Typst: it alone brings fonts that spell Latin, Greek and Cyrillic names, so that the
same statement is the same bytes on every machine; it tags the PDF for screen readers, repeats table headers by
itself, takes some 20 ms, and needs no other package.  The price is its size, 81 MB installed: so it is an extra.
"""

from functools import cache
from importlib.resources import files
from types import ModuleType
from typing import Any

import msgspec

from gateway.errors import NotInstalled
from gateway.kit.clock import SECOND_US
from gateway.statements.types import Statement
from gateway.statements.words import statement_words


def statement_pdf(statement: Statement) -> bytes:
    """A tagged A4 PDF.  No clock is read: it is dated by the end of the statement's interval.

    A letter that no bundled font has (Chinese, say) is drawn as an empty box; the account's id stands beside its name.

    Raises:
        NotInstalled: the extra `pdf` is not there.
    """
    library, template, fonts = _typst()
    pdf: bytes = library.compile(
        template,
        font_paths=fonts,
        ignore_system_fonts=True,
        sys_inputs={"statement": msgspec.json.encode(statement_words(statement)).decode()},
        timestamp=statement.end_us // SECOND_US,
    )
    return pdf


@cache
def _typst() -> tuple[ModuleType, bytes, Any]:
    try:
        import typst  # noqa: PLC0415 - an extra, and its fonts take 60 ms to load
    except ModuleNotFoundError as error:
        raise NotInstalled(
            "statements as PDF need one more package: pip install 'tollway-gateway[pdf]'; JSON and HTML do not"
        ) from error
    template = files("gateway.statements").joinpath("statement.typ").read_bytes()
    return typst, template, typst.Fonts(include_system_fonts=False)
