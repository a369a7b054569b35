"""What Stripe must have before it can collect for us: a plan first, like a migration; carried out, the next plan is empty.

For every sink: the webhook endpoint, and what the page of cards and addresses offers.  For the sink `meters` also a meter, a product and a graduated price for each model and
token class, and a subscription to them for each customer.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import msgspec

from gateway.billing import store
from gateway.billing.border import WEBHOOK_PATH, Border, once
from gateway.billing.customers import PORTAL_MARK, find_configuration
from gateway.billing.handle import HANDLERS
from gateway.billing.invoicing import CURRENCY, METERED, TAX_CODE
from gateway.billing.meters import event_name
from gateway.billing.stripe_objects import Configuration, Meter, Price, Product, Subscription, WebhookEndpoint
from gateway.catalog.types import TOKEN_CLASSES, PriceBook, Tier
from gateway.errors import BadRequest
from gateway.kit.money import PERCENT

PICOCENTS_PER_CENT = 10**12
"""Stripe's unit prices have at most twelve decimals of a cent."""
SUBSCRIPTION_ITEMS_MAX = 20
MARK = "tollway_meter"
"""In the metadata of the prices that are ours: the meter."""


class Step(msgspec.Struct, frozen=True):
    """One thing that is missing or different.  `apply` makes it so, and says what somebody must be told, or nothing."""

    words: str
    apply: Callable[[], Awaitable[str]]


async def plan(border: Border, book: PriceBook) -> list[Step]:
    """In the order in which they are to be applied; those of later steps may only be seen when the earlier ones are done."""
    steps = [*await _endpoint(border), *await _portal(border)]
    if border.sink == "meters":
        steps += await _metering(border, book)
        if not steps:
            steps += await _subscriptions(border, book)
    return steps


async def _endpoint(border: Border) -> list[Step]:
    url, events = border.page(WEBHOOK_PATH), sorted(HANDLERS)
    known = await border.api.listed(border.api.v1.webhook_endpoints.list_async, WebhookEndpoint)
    mine = next((each for each in known if each.url == url), None)
    if mine is None:
        return [
            Step(
                f"+ webhook endpoint {url}, for {len(events)} kinds of events",
                lambda: _new_endpoint(border, url, events),
            )
        ]
    if sorted(mine.enabled_events) == events and mine.status == "enabled":
        return []

    async def change() -> str:
        new: Any = {"enabled_events": events, "disabled": False}
        await border.api.asked(
            lambda: border.api.v1.webhook_endpoints.update_async(mine.id, new), WebhookEndpoint
        )
        return ""

    return [Step(f"~ webhook endpoint {url}: its events, or that it is enabled", change)]


async def _new_endpoint(border: Border, url: str, events: list[str]) -> str:
    new: Any = {"url": url, "enabled_events": events, "description": "Tollway"}
    made = await border.api.asked(lambda: border.api.v1.webhook_endpoints.create_async(new), WebhookEndpoint)
    return f"set stripe_webhook_secret = {made.secret} (it is shown once), and restart the gateways"


async def _portal(border: Border) -> list[Step]:
    """Without one of its own, an account at Stripe shows no such page until somebody saves its settings by hand."""
    if await find_configuration(border) is not None:
        return []

    async def make() -> str:
        new: Any = {
            "features": {
                "customer_update": {"enabled": True, "allowed_updates": ["email", "address", "tax_id"]},
                "invoice_history": {"enabled": True},
                "payment_method_update": {"enabled": True},
            },
            "metadata": {PORTAL_MARK: "1"},
        }
        await border.api.asked(
            lambda: border.api.v1.billing_portal.configurations.create_async(new, once("portal")),
            Configuration,
        )
        return ""

    return [Step("+ portal: cards, addresses, tax numbers, invoices", make)]


async def _metering(border: Border, book: PriceBook) -> list[Step]:
    api = border.api
    meters = {each.event_name for each in await api.listed(api.v1.billing.meters.list_async, Meter)}
    products = await api.listed(api.v1.products.list_async, Product)
    prices = await api.listed(api.v1.prices.list_async, Price)
    have = {each.metadata.get("tollway_model") for each in products if each.active}
    keys = {each.lookup_key for each in prices if each.active}
    steps = [
        Step(f"+ product {model.id}", partial(_new_product, border, model.id))
        for model in book.models
        if model.id not in have
    ]
    for key, (model_id, name, tiers) in _wanted(book).items():
        if name not in meters:
            steps.append(Step(f"+ meter {name}", partial(_new_meter, border, name)))
        if key not in keys:
            words = f"+ price of {name}: {', '.join(f'{cents} cents a token up to {up_to}' for up_to, cents in tiers)}"
            steps.append(Step(words, partial(_new_price, border, model_id, name, key, tiers)))
    return steps


def _wanted(book: PriceBook) -> dict[str, tuple[str, str, list[tuple[str, str]]]]:
    """By lookup key, which changes with the price: (model, meter, tiers) of all that costs something."""
    found = {}
    for model in book.models:
        for token_class in TOKEN_CLASSES:
            name, price = event_name(model.id, token_class), getattr(model.prices, token_class)
            if price:
                tiers = tiers_of(price, book.tiers)
                key = f"{name}:{'/'.join(f'{up_to}@{cents}' for up_to, cents in tiers)}"[-200:]
                found[key] = (model.id, name, tiers)
    return found


def tiers_of(price_nanousd_per_mtok: int, tiers: Sequence[Tier]) -> list[tuple[str, str]]:
    """(up to how many tokens, cents per token) of a graduated price, as Stripe writes it.

    Raises:
        BadRequest: a price finer than Stripe can write.
    """
    found = []
    for tier in tiers or (Tier(up_to_tokens=None, discount_percent=0),):
        # nano-dollars per million tokens, in percent: 10^9 to the dollar, 10^6 to the token, 10^2 to the whole, a cent is 10^-2 of a dollar
        picocents, rest = divmod(price_nanousd_per_mtok * (PERCENT - tier.discount_percent), 1000)
        if rest:
            raise BadRequest(
                f"a price of {price_nanousd_per_mtok} nano-dollars per million less {tier.discount_percent} % is finer than Stripe can write"
            )
        whole, part = divmod(picocents, PICOCENTS_PER_CENT)
        cents = f"{whole}.{part:012}".rstrip("0").rstrip(".")
        found.append(("inf" if tier.up_to_tokens is None else str(tier.up_to_tokens), cents))
    return found


async def _new_product(border: Border, model: str) -> str:
    new: Any = {"name": model, "tax_code": TAX_CODE, "metadata": {"tollway_model": model}}
    await border.api.asked(
        lambda: border.api.v1.products.create_async(new, once(f"product:{model}")), Product
    )
    return ""


async def _new_meter(border: Border, name: str) -> str:
    new: Any = {
        "display_name": name,
        "event_name": name,
        "default_aggregation": {"formula": "sum"},
        "customer_mapping": {"type": "by_id", "event_payload_key": "stripe_customer_id"},
        "value_settings": {"event_payload_key": "value"},
    }
    await border.api.asked(
        lambda: border.api.v1.billing.meters.create_async(new, once(f"meter:{name}")), Meter
    )
    return ""


async def _new_price(border: Border, model: str, name: str, key: str, tiers: list[tuple[str, str]]) -> str:
    api = border.api
    products = await api.listed(api.v1.products.list_async, Product)
    product = next(each for each in products if each.active and each.metadata.get("tollway_model") == model)
    meters = await api.listed(api.v1.billing.meters.list_async, Meter)
    meter = next(each for each in meters if each.event_name == name)
    new: Any = {
        "product": product.id,
        "currency": CURRENCY,
        "billing_scheme": "tiered",
        "tiers_mode": "graduated",
        "recurring": {"interval": "month", "usage_type": "metered", "meter": meter.id},
        "tiers": [
            {"up_to": up_to if up_to == "inf" else int(up_to), "unit_amount_decimal": cents}
            for up_to, cents in tiers
        ],
        "lookup_key": key,
        "metadata": {MARK: name},
    }
    await api.asked(lambda: api.v1.prices.create_async(new, once(f"price:{key}")), Price)
    return ""


async def _subscriptions(border: Border, book: PriceBook) -> list[Step]:
    """For each customer, to every metered price as it is now; twenty in one, which is the most that Stripe takes.

    An item with an older price of a meter is moved to the one of now: with both, the same tokens would be asked for twice.
    """
    api, steps, wanted = border.api, [], _wanted(book)
    prices = await api.listed(api.v1.prices.list_async, Price)
    now = {
        each.metadata[MARK]: each.id
        for each in prices
        if each.active and each.lookup_key in wanted and MARK in each.metadata
    }
    old = {each.id: now.get(each.metadata[MARK]) for each in prices if MARK in each.metadata}
    for customer in await border.database.read(store.list_customers):
        have = await api.listed(api.v1.subscriptions.list_async, Subscription, customer=customer.customer_id)
        paid = {each for one in have for each in one.price_ids}
        for one in have:
            moves = [
                (item, old[price])
                for item, price in one.item_ids
                if old.get(price) not in {None, price, *paid}
            ]
            if moves:
                words = f"~ subscription of {customer.account_id}: {len(moves)} prices are the ones of now"
                steps.append(Step(words, partial(_move, border, one.id, moves)))
                paid |= {price for _, price in moves if price}
        missing = [price for price in sorted(now.values()) if price not in paid]
        for at in range(0, len(missing), SUBSCRIPTION_ITEMS_MAX):
            some = missing[at : at + SUBSCRIPTION_ITEMS_MAX]
            words = f"+ subscription of {customer.account_id} to {len(some)} metered prices"
            steps.append(Step(words, partial(_subscribe, border, customer.customer_id, some)))
    return steps


async def _move(border: Border, subscription_id: str, moves: list[tuple[str, str | None]]) -> str:
    new: Any = {
        "items": [{"id": item, "price": price} for item, price in moves],
        "proration_behavior": "none",
    }
    await border.api.asked(
        lambda: border.api.v1.subscriptions.update_async(subscription_id, new), Subscription
    )
    return ""


async def _subscribe(border: Border, customer_id: str, prices: list[str]) -> str:
    new: Any = {
        "customer": customer_id,
        "items": [{"price": price} for price in prices],
        "automatic_tax": {"enabled": border.tax},
        "metadata": {METERED: "1"},
    }
    await border.api.asked(
        lambda: border.api.v1.subscriptions.create_async(new, once(f"sub:{customer_id}:{prices[0]}")),
        Subscription,
    )
    return ""
