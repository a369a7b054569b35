"""Events: signed as the library wants them, delivered as a test wants them."""

import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
import stripe

from tests.fixtures.stripe import FakeStripe
from tests.fixtures_stripe.buying import kinds, top_up


class Listener:
    """A webhook endpoint that keeps what it got, and answers with `status`."""

    def __init__(self) -> None:
        self.got: list[tuple[bytes, str | None]] = []
        self.status = 200
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                listener.got.append((body, self.headers.get("stripe-signature")))
                self.send_response(listener.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/webhooks/stripe"
        self.thread = Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def events(self, secret: str) -> list[Any]:
        """What the library makes of it, signatures and all."""
        return [stripe.Webhook.construct_event(body, header, secret) for body, header in self.got]


@pytest.fixture
def listener() -> Iterator[Listener]:
    one = Listener()
    yield one
    one.server.shutdown()
    one.server.server_close()
    one.thread.join(5)


@pytest.fixture
def paid(fake: FakeStripe, v1: Any) -> Any:
    """Something happened."""
    session = top_up(v1, v1.customers.create().id)
    fake.complete(session.id)
    return session


def test_the_library_believes_the_signature(fake: FakeStripe, client: stripe.StripeClient, paid: Any) -> None:
    event = fake.pending("checkout.session.completed")[0]
    body, header = fake.signed(event)
    read = client.construct_event(body, header, fake.webhook_secret)
    assert (read.type, read.livemode, read.api_version) == (event["type"], False, stripe.api_version)
    assert read.data.object["id"] == paid.id
    for wrong in (
        (body + b" ", header, fake.webhook_secret),
        (body, header, fake.live_webhook_secret),
        (*fake.signed(event, at=int(time.time()) - 400), fake.webhook_secret),
        (body, None, fake.webhook_secret),
    ):
        with pytest.raises(stripe.SignatureVerificationError):
            client.construct_event(*wrong)


def test_an_event_shows_the_object_as_it_was(fake: FakeStripe, v1: Any) -> None:
    customer = v1.customers.create({"name": "Ada"}, {"idempotency_key": "k"})
    v1.customers.update(customer.id, {"name": "Bob"})
    created, updated = fake.pending()
    assert (created["data"]["object"]["name"], updated["data"]["object"]["name"]) == ("Ada", "Bob")
    assert updated["data"]["previous_attributes"] == {"name": "Ada"}
    assert created["request"] == {"id": fake.calls[0].request_id, "idempotency_key": "k"}


def test_deliveries_come_in_any_order_and_twice(fake: FakeStripe, paid: Any, listener: Listener) -> None:
    fake.send_to(listener.url)
    events = fake.pending("checkout.*", "payment_intent.succeeded")[::-1]
    assert fake.deliver(*events, *events) == [200] * 4
    read = listener.events(fake.webhook_secret)
    assert [event.id for event in read] == [event["id"] for event in events] * 2
    assert not set(kinds(fake)) & {event["type"] for event in events}
    assert len(fake.deliver()) == len(listener.got) - 4
    assert fake.pending() == []


def test_what_is_not_taken_stays_pending(fake: FakeStripe, paid: Any, listener: Listener) -> None:
    fake.send_to(listener.url)
    before = fake.pending()
    listener.status = 500
    assert set(fake.deliver()) == {500}
    assert fake.pending() == before
    assert fake.deliver(before[0], url="http://127.0.0.1:9/") == [0]
    listener.status = 200
    fake.deliver()
    assert fake.pending() == []


def test_a_listener_hears_what_it_asked_for(fake: FakeStripe, v1: Any, listener: Listener) -> None:
    made = v1.webhook_endpoints.create({"url": listener.url, "enabled_events": ["customer.created"]})
    assert made.secret.startswith("whsec_")
    assert not hasattr(v1.webhook_endpoints.list().data[0], "secret")
    customer = v1.customers.create()
    v1.customers.delete(customer.id)
    assert fake.deliver() == [200]
    assert [event.type for event in listener.events(made.secret)] == ["customer.created"]
    v1.webhook_endpoints.update(made.id, {"disabled": True})
    v1.customers.create()
    assert fake.deliver() == []


def test_attacks_are_made_to_order(fake: FakeStripe, paid: Any, listener: Listener) -> None:
    fake.send_to(listener.url)
    event = fake.pending("checkout.session.completed")[0]
    listener.status = 400
    fake.deliver(event, unsigned=True)
    fake.deliver(event, secret="whsec_guess")
    fake.deliver(event, at=int(time.time()) - 3600)
    fake.deliver(event, tamper=lambda body: body.replace(b"2000", b"9000"))
    for body, header in listener.got:
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(body, header, fake.webhook_secret)
    listener.got.clear()
    listener.status = 200
    fake.deliver(event, forge=lambda sent: sent["data"]["object"].update(amount_total=1))
    assert listener.events(fake.webhook_secret)[0].data.object["amount_total"] == 1
    assert event in fake.pending()
    assert event["data"]["object"]["amount_total"] == 2000


def test_events_deliver_themselves_until_they_are_taken(
    fake: FakeStripe, v1: Any, listener: Listener
) -> None:
    fake.send_to(listener.url)
    listener.status = 503
    fake.deliver_by_itself()
    customer = v1.customers.create()
    _until(lambda: len(listener.got) >= 2)
    listener.status = 200
    _until(lambda: fake.pending() == [])
    v1.customers.delete(customer.id)
    _until(lambda: fake.pending() == [])
    told = [event.type for event in listener.events(fake.webhook_secret)]
    assert told[-2:] == ["customer.created", "customer.deleted"]


def _until(true: Any) -> None:
    end = time.monotonic() + 5
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_log_of_events_reaches_back_thirty_days(fake: FakeStripe, v1: Any, paid: Any) -> None:
    found = v1.events.list({"types": ["checkout.session.completed", "charge.succeeded"]}).data
    assert [event.type for event in found] == ["checkout.session.completed", "charge.succeeded"]
    assert v1.events.retrieve(found[0].id).data.object["id"] == paid.id
    fake.clock.advance(days=30)
    assert v1.events.list().data == []
