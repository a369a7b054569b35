"""Months, invoices, top-ups and late payers in any order: what is asked for is what is owed, and nothing is asked for twice."""

import random

import pytest

from gateway.billing import store
from gateway.invoices.draw import CENTS_MIN
from gateway.invoices.store import list_debt_payments
from tests.billing.fire import month_ends
from tests.billing.world import CENT, MILLION, Owner, World


@pytest.mark.parametrize("seed", range(6))
def test_what_is_asked_for_is_what_is_owed(seed: int, bare: World) -> None:
    chance = random.Random(seed)
    owner = bare.account(limit_usd=500)
    for _ in range(4):
        for _ in range(chance.randint(1, 3)):
            if chance.random() < 0.4:
                bare.top_up(owner, chance.choice((5, 20)))
            bare.use(owner, 0, chance.randint(1, 15 * MILLION))
            if chance.random() < 0.6:
                _pay_one(bare, chance)
        month_ends(bare)
        bare.settle()
        asked = [each for each in bare.drawn(owner) if each.state not in {"settled", "paid"}]
        open_nanousd = sum(each.invoice.owed_nanousd for each in _standing(asked))
        assert open_nanousd - _unnamed(bare, owner) == -min(0, bare.left(owner)), (
            "of months that are over; none runs yet"
        )
        for each in bare.drawn(owner):
            lines = len(each.lines)
            assert sum(line.cents for line in each.lines) == each.invoice.total_cents >= 0
            assert sum(line.cost_nanousd for line in each.lines) == each.invoice.owed_nanousd >= 0
            assert abs(each.invoice.rounding_nanousd) <= lines * CENT
            assert (each.invoice.total_cents < CENTS_MIN) is (each.state in {"carried", "settled"})
        bare.check()


def _standing(drawn: list) -> list:  # type: ignore[type-arg]
    """Without those that a later one carries on."""
    named = {line.ref for each in drawn for line in each.lines if line.kind == "carried"}
    return [each for each in drawn if each.invoice.id not in named]


def _unnamed(world: World, owner: Owner) -> int:
    """What top-ups paid of debts, and no invoice has said yet."""
    since = world.database.read_now(store.since_us) or 0
    return sum(
        paid for _, paid in world.database.read_now(lambda conn: list_debt_payments(conn, owner[0], since))
    )


def _pay_one(world: World, chance: random.Random) -> None:
    """Some invoice that is open, by transfer, whenever."""
    found = [each for each in world.stripe.of("invoice").values() if each["status"] == "open"]
    if found:
        world.do(world.api.v1.invoices.pay_async(chance.choice(found)["id"], {"paid_out_of_band": True}))
        world.settle()
