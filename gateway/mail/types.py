import re

import msgspec

from gateway.errors import BadRequest

SUBJECT_CHARS_MAX = 200
ADDRESS_CHARS_MAX = 254
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
"""One address and nothing else: what HTML's own fields take.  No name, no second one, no line's end."""


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """A letter to one person, in plain text.

    Raises:
        BadRequest: `to` is no address that mail can be sent to, or `subject` is not one line.
    """

    to: str
    subject: str
    text: str

    def __post_init__(self) -> None:
        if len(self.to) > ADDRESS_CHARS_MAX or not is_address(self.to):
            raise BadRequest(f"mail cannot be sent to {self.to[:60]!r}: write one address", param="to")
        if not self.subject.isprintable() or not 0 < len(self.subject) <= SUBJECT_CHARS_MAX:
            raise BadRequest(
                f"a mail's subject is one line of 1 to {SUBJECT_CHARS_MAX} characters", param="subject"
            )


class SmtpServer(msgspec.Struct, frozen=True, kw_only=True):
    """Who takes mails from us.  Its `repr` is fit for a log."""

    host: str
    port: int
    tls: bool
    """From the first byte, as `smtps://` asks; otherwise STARTTLS, where `start_tls` says so."""
    start_tls: bool | None
    """True: nothing is sent without it; None: if the server offers it; False: never."""
    user: str
    password: str

    def __repr__(self) -> str:
        return f"SmtpServer({self.host}:{self.port}, {'with' if self.password else 'without'} a password)"


def is_address(text: str) -> bool:
    return _ADDRESS.fullmatch(text) is not None
