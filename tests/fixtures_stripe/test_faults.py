"""What an Idempotency-Key is good for, and what goes wrong on the way to Stripe and back."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
import stripe

from tests.fixtures.stripe import FakeStripe
from tests.fixtures_stripe.buying import off_session, opened


def test_the_same_key_gets_the_same_answer_for_a_day(fake: FakeStripe, v1: Any) -> None:
    def create(name: str) -> Any:
        return v1.customers.create({"name": name}, {"idempotency_key": "k1"})

    first, again = create("Ada"), create("Ada")
    assert first.id == again.id
    assert [seen.replayed for seen in fake.calls] == [False, True]
    assert again.last_response.headers["idempotent-replayed"] == "true"
    with pytest.raises(stripe.IdempotencyError, match="same parameters"):
        create("Bob")
    with pytest.raises(stripe.IdempotencyError, match="same endpoint"):
        v1.products.create({"name": "Ada"}, {"idempotency_key": "k1"})
    fake.clock.advance(hours=23)
    assert create("Ada").id == first.id
    fake.clock.advance(hours=1)
    assert create("Bob").id != first.id


def test_a_key_remembers_declines_but_not_malformed_requests(fake: FakeStripe, v1: Any) -> None:
    customer = v1.customers.create().id
    card = fake.save_card(customer)
    fake.card_fails(card)
    with pytest.raises(stripe.CardError):
        off_session(v1, customer, card, key="k1")
    fake.card_fails(card, None)
    with pytest.raises(stripe.CardError):
        off_session(v1, customer, card, key="k1")
    assert len(fake.of("payment_intent")) == 1
    with pytest.raises(stripe.InvalidRequestError):
        v1.customers.create({"wrong": "x"}, {"idempotency_key": "k2"})
    assert v1.customers.create({"name": "x"}, {"idempotency_key": "k2"}).id


def test_a_key_in_use_is_a_conflict(fake: FakeStripe, v1: Any) -> None:
    fake.fail("POST /v1/customers", slow=0.5)
    found: list[Any] = []
    with opened(fake, fake.key) as other:
        params: Any = {"name": "x"}
        slow = threading.Thread(
            target=lambda: found.append(other.v1.customers.create(params, {"idempotency_key": "k1"}))
        )
        slow.start()
        while not fake.calls:
            pass
        with pytest.raises(stripe.APIError) as conflict:
            v1.customers.create(params, {"idempotency_key": "k1"})
        slow.join()
    assert conflict.value.http_status == 409
    assert v1.customers.create(params, {"idempotency_key": "k1"}).id == found[0].id


Pay = Callable[[], Any]


@pytest.fixture
def pay(fake: FakeStripe, v1: Any) -> Pay:
    """The same automatic top-up, with the same key, each time it is called."""
    customer = v1.customers.create().id
    card = fake.save_card(customer)
    return lambda: off_session(v1, customer, card, key="topup:1")


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        ({"status": 429}, stripe.RateLimitError),
        ({"status": 500}, stripe.APIError),
        ({"status": 503}, stripe.APIError),
        ({"cut": True}, stripe.APIConnectionError),
    ],
)
def test_what_fails_before_acting_works_the_next_time(
    fake: FakeStripe, pay: Pay, fault: dict[str, Any], raised: type[Exception]
) -> None:
    planned = fake.fail("POST /v1/payment_intents", **fault)
    with pytest.raises(raised):
        pay()
    assert fake.of("payment_intent") == {}
    assert pay().status == "succeeded"
    assert planned.hits == 1


def test_a_cut_after_acting_is_healed_by_the_key(fake: FakeStripe, pay: Pay) -> None:
    fake.fail("POST /v1/payment_intents", cut=True, after=True)
    with pytest.raises(stripe.APIConnectionError):
        pay()
    assert fake.calls[-1].status == 0
    assert pay().status == "succeeded"
    assert len(fake.of("charge")) == 1


def test_a_500_after_acting_is_what_the_key_remembers(fake: FakeStripe, pay: Pay) -> None:
    fake.fail("POST /v1/payment_intents", status=500, after=True)
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            pay()
    assert len(fake.of("charge")) == 1  # who wants to know must look it up
    fake.clock.advance(days=1)
    assert pay().status == "succeeded"
    assert len(fake.of("charge")) == 2  # and who asks again after a day pays twice


def test_a_500_after_acting_may_be_forgotten_in_favour_of_the_answer(fake: FakeStripe, pay: Pay) -> None:
    fake.fail("POST /v1/payment_intents", status=500, after=True, remembered=False)
    with pytest.raises(stripe.APIError):
        pay()
    assert pay().status == "succeeded"
    assert len(fake.of("charge")) == 1


def test_slowness_outlasts_the_clients_patience(fake: FakeStripe, v1: Any) -> None:
    fake.fail("POST /v1/customers", slow=0.4)
    with opened(fake, fake.key, timeout=0.1) as hasty, pytest.raises(stripe.APIConnectionError):
        hasty.v1.customers.create({"name": "x"}, {"idempotency_key": "k"})
    assert v1.products.list().data == []
    while not fake.of("customer"):
        pass
    assert v1.customers.create({"name": "x"}, {"idempotency_key": "k"}).id in fake.of("customer")


def test_stripe_is_down_for_days_of_its_clock(fake: FakeStripe, v1: Any) -> None:
    fake.down(days=3)
    with pytest.raises(stripe.APIError):
        v1.customers.list()
    fake.clock.advance(days=2)
    with pytest.raises(stripe.APIError):
        v1.balance.retrieve()
    fake.clock.advance(days=1)
    assert v1.customers.list().data == []
    fake.down(hours=1, cut=True)
    with pytest.raises(stripe.APIConnectionError):
        v1.customers.list()
    fake.heal()
    assert v1.customers.list().data == []


@pytest.mark.parametrize(("should_retry", "attempts"), [(True, 2), (None, 1)])
def test_the_library_retries_what_it_is_told_to(
    fake: FakeStripe, should_retry: bool | None, attempts: int
) -> None:
    fake.fail("GET /v1/customers", status=429, should_retry=should_retry)
    with opened(fake, fake.key, retries=2) as patient:
        if should_retry:
            assert patient.v1.customers.list().data == []
        else:
            with pytest.raises(stripe.RateLimitError):
                patient.v1.customers.list()
    assert len(fake.asked("GET /v1/customers")) == attempts


def test_faults_can_wait_and_come_again(fake: FakeStripe, v1: Any) -> None:
    fake.fail("GET /v1/*", status=500, times=2, skip=1)
    outcomes = []
    for _ in range(4):
        try:
            outcomes.append(len(v1.customers.list().data))
        except stripe.APIError as error:
            outcomes.append(error.http_status or 0)
    assert outcomes == [0, 500, 500, 0]


def test_twenty_at_once(fake: FakeStripe) -> None:
    async def main() -> list[str]:
        http = stripe.HTTPXClient(timeout=5)
        one = stripe.StripeClient(
            fake.key,
            http_client=http,
            max_network_retries=0,
            base_addresses=fake.base_addresses,  # type: ignore[arg-type]
        )
        same: Any = {"idempotency_key": "k"}
        made = await asyncio.gather(
            *(one.v1.customers.create_async({"name": str(n)}) for n in range(20)),
            *(one.v1.products.create_async({"name": "x"}, same) for _ in range(3)),
            return_exceptions=True,
        )
        await http.close_async()
        return [each.id for each in made[:20]]  # type: ignore[union-attr]

    assert set(asyncio.run(main())) == set(fake.of("customer"))
    assert len(fake.of("product")) == 1
