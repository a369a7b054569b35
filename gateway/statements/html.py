"""The statement as one page that needs nothing else: no script, no request, one style sheet known by its hash."""

import base64
import hashlib
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gateway.statements.types import Statement
from gateway.statements.words import statement_words

_STYLE = files("gateway.statements").joinpath("statement.css").read_text("utf-8")
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'"
)
"""The page carries it as a meta element, so that a saved copy is as safe; whoever serves it sends it as a header too."""

_environment = Environment(
    loader=PackageLoader("gateway.statements", "."),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def statement_html(statement: Statement) -> str:
    """A whole document.  Names in it are strangers' input: the template escapes everything but our own style."""
    return _environment.get_template("statement.html.j2").render(
        statement_words(statement),
        style=Markup(_STYLE),  # noqa: S704 - a file of this package, not input
        policy=CONTENT_SECURITY_POLICY,
    )
