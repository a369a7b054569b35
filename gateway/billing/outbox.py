"""What Stripe is owed to be told: tried until it is known to have worked, each time with the same id.

An answer may be lost after Stripe acted.  So every try but the first looks whether it did (the senders do), and idempotency
keys are the second line of defence, while Stripe remembers them: 24 hours.
"""

from collections.abc import Awaitable, Callable

from gateway.billing import store
from gateway.billing.border import Border
from gateway.billing.types import Intent, IntentKind
from gateway.errors import PaymentsUnavailable, StorageUnavailable, TollwayError
from gateway.kit.clock import SECOND_US, now_us
from gateway.kit.log import logger

Sender = Callable[[Border, Intent], Awaitable[str]]
AT_ONCE_MAX = 20
CLAIM_US = 600 * SECOND_US
PAUSE_US_MIN, PAUSE_US_MAX = 5 * SECOND_US, 3600 * SECOND_US


class Frozen(TollwayError):
    """Nobody knows whether Stripe acted, and looking did not tell: a person must."""

    status, code = 500, "intent_frozen"


async def step(border: Border, senders: dict[IntentKind, Sender]) -> int:
    """Tries what is due; how many that were."""
    now = now_us()
    if not await border.database.read(lambda conn: store.has_intents(conn, now)):
        return 0
    found = await border.database.write(
        lambda conn: store.claim_intents(conn, now, now + CLAIM_US, AT_ONCE_MAX)
    )
    for intent in found:
        if now_us() >= now + CLAIM_US // 2:
            break  # Stripe is slow today: what is left of the claim is not enough
        await _send(border, intent, senders[intent.kind])
    return len(found)


async def _send(border: Border, intent: Intent, sender: Sender) -> None:
    note: dict[str, int] = {}
    try:
        result = await sender(border, intent)
        note["done_us"] = now_us()
    except (PaymentsUnavailable, StorageUnavailable) as error:
        result = error.message
        note["due_us"] = _later_us(intent)
    except TollwayError as error:  # refused, or nobody can tell: again would be no use
        result = error.message
        note["frozen_us"] = now_us()
        logger().error("stripe_intent_frozen", intent=intent.id, kind=intent.kind, reason=error.message)
    except Exception as error:  # noqa: BLE001 - a bug of ours; the row stays open, and holds up no other account
        logger().exception("stripe_intent_failed", intent=intent.id, kind=intent.kind, exc_info=error)
        result, note["due_us"] = f"our bug: {error!r}", _later_us(intent)
    await border.database.write(lambda conn: store.note_intent(conn, intent.id, result, **note))


def _later_us(intent: Intent) -> int:
    return now_us() + min(PAUSE_US_MAX, PAUSE_US_MIN << min(intent.tries, 20))
