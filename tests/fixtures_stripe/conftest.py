"""The fake, and the real library pointed at it: what these tests prove is that the two understand each other."""

from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from tests.fixtures.stripe import FakeStripe
from tests.fixtures_stripe.buying import opened


@pytest.fixture
def fake() -> Iterator[FakeStripe]:
    with FakeStripe() as running:
        yield running


@pytest.fixture
def client(fake: FakeStripe) -> Iterator[Any]:
    """`client.v1` of the real library, in test mode, that tries once."""
    with opened(fake, fake.key) as one:
        yield one


@pytest.fixture
def v1(client: stripe.StripeClient) -> Any:
    return client.v1
