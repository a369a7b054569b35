"""Links that are mailed: who may ask for one, how often, and whose it becomes."""

import ipaddress

from gateway.kit.clock import SECOND_US
from gateway.kit.db import WriteConn
from gateway.people import store
from gateway.people.sign_in import EMAIL_CHARS_MAX, TooManyAttempts, new_link
from gateway.people.types import Person

WINDOW_US = 15 * 60 * SECOND_US
ASKS_OF_ADDRESS_MAX = 5
ASKS_OF_CLIENT_MAX = 20
INVITATIONS_MAX = 30
"""Within a window: nobody's mailbox is filled from here, and one who tries many addresses gets not far."""


def note_ask(conn: WriteConn, email: str, ip: str, now_us: int) -> None:
    """Counts it, for addresses that are known and others alike.  Raises TooManyAttempts."""
    address = email.strip().lower()[:EMAIL_CHARS_MAX]
    of_address = store.count_ask(conn, f"mail {address}", now_us, WINDOW_US)
    of_client = store.count_ask(conn, f"from {_client(ip)}", now_us, WINDOW_US)
    if of_address > ASKS_OF_ADDRESS_MAX or of_client > ASKS_OF_CLIENT_MAX:
        raise TooManyAttempts(
            "too many links were asked for; look for the last mail, or try again in 15 minutes"
        )


def note_invitation(conn: WriteConn, account_id: str, now_us: int) -> None:
    """Raises TooManyAttempts."""
    if store.count_ask(conn, f"invites {account_id}", now_us, WINDOW_US) > INVITATIONS_MAX:
        raise TooManyAttempts("too many people were invited at once; go on in 15 minutes")


def link_for(conn: WriteConn, email: str, now_us: int) -> tuple[Person, str] | None:
    """Whose mailbox it goes to, and the link's secret; None: nobody is known by this address, or is let in."""
    person = store.find_person(conn, email.strip())
    if person is None or person.disabled_us is not None:
        return None
    return person, new_link(conn, person.id, now_us)


def _client(ip: str) -> str:
    """Whoever has one address of IPv6 has 2**64 of them."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ip[:64]
    return str(ipaddress.ip_network((address, 64), strict=False) if address.version == 6 else address)
