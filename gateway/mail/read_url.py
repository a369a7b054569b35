"""`smtp_url`, taken apart."""

import ipaddress
from urllib.parse import unquote, urlsplit

from gateway.errors import BadRequest
from gateway.mail.types import SmtpServer

_LIKE = "write it like smtp://user:password@mail.example.com:587 or smtps://…:465, with %-escapes in user and password"


def read_url(url: str) -> SmtpServer:
    """Over a network a password only travels encrypted: without STARTTLS nothing is sent.

    Raises:
        BadRequest: it is none; the message does not repeat it, because there is a password in it.
    """
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError as error:
        raise BadRequest(f"`smtp_url` cannot be read; {_LIKE}", param="smtp_url") from error
    rest = parts.path.strip("/") or parts.query or parts.fragment
    if parts.scheme not in ("smtp", "smtps") or not host or rest:
        raise BadRequest(f"`smtp_url` cannot be read; {_LIKE}", param="smtp_url")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if bool(user) != bool(password):
        raise BadRequest(f"`smtp_url` has a user or a password, but not both; {_LIKE}", param="smtp_url")
    tls = parts.scheme == "smtps"
    return SmtpServer(
        host=host,
        port=port or (465 if tls else 587),
        tls=tls,
        start_tls=False if tls or _is_here(host) else True if password else None,
        user=user,
        password=password,
    )


def _is_here(host: str) -> bool:
    """On this machine there is nobody in between, and seldom a certificate that holds."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
