"""Accounts at Stripe: made when first needed; and the pages of Stripe's that their owners are sent to."""

from gateway.accounts.types import Account
from gateway.billing import store, stripe_objects
from gateway.billing.border import Border, once
from gateway.billing.types import Customer
from gateway.errors import NotFound
from gateway.kit.clock import now_us

PORTAL_MARK = "tollway_portal"
"""In the metadata of the portal's configuration that is ours."""


async def customer_of(border: Border, account: Account) -> Customer:
    """A second one, made because an answer was lost for more than a day, would be empty: nothing is ever ordered for it."""
    known = await border.database.read(lambda conn: store.find_customer(conn, account.id))
    if known is not None:
        return known
    made = await border.api.asked(
        lambda: border.api.v1.customers.create_async(
            {"name": account.name, "metadata": {"account_id": account.id}}, once(f"customer:{account.id}")
        ),
        stripe_objects.Customer,
    )
    customer = Customer(account_id=account.id, customer_id=made.id, created_us=now_us())
    return await border.database.write(lambda conn: store.save_customer(conn, customer))


async def portal(border: Border, account_id: str) -> str:
    """Where its people change cards, addresses and tax numbers, and see what Stripe sent them.

    Raises:
        NotFound: Stripe does not know the account yet; its first top-up makes it known.
    """
    customer = await border.database.read(lambda conn: store.find_customer(conn, account_id))
    if customer is None:
        raise NotFound("this account has no card and no invoice at Stripe yet; its first top-up changes that")
    back = border.page(f"/dashboard/accounts/{account_id}/billing")
    configuration = await find_configuration(border)
    link = await border.api.asked(
        lambda: border.api.v1.billing_portal.sessions.create_async(
            {
                "customer": customer.customer_id,
                "return_url": back,
                **({"configuration": configuration.id} if configuration else {}),
            }
        ),
        stripe_objects.Link,
    )
    return link.url


async def find_configuration(border: Border) -> stripe_objects.Configuration | None:
    """What `stripe sync` made; None: the page is as its settings at Stripe have it."""
    known = await border.api.listed(
        border.api.v1.billing_portal.configurations.list_async, stripe_objects.Configuration, active=True
    )
    return next((each for each in known if PORTAL_MARK in each.metadata), None)
