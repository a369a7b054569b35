"""Burning grants down: all that is asked or all there is, and in as many steps as one likes."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.credit.burn import burn, order
from gateway.credit.types import NEVER_US, OpenGrant

NOW = 1_800_000_000_000_000

FIRST = OpenGrant(grant_id="b", account_id="a", left_nanousd=10, expires_us=NOW + 1, priority=1, created_us=1)


@pytest.mark.parametrize(
    "later",
    [
        {"expires_us": NOW + 2, "priority": 0, "created_us": 0, "grant_id": "a"},
        {"priority": 2, "created_us": 0, "grant_id": "a"},
        {"created_us": 2, "grant_id": "a"},
        {"grant_id": "c"},
        {"expires_us": NOW, "priority": 0, "created_us": 0, "grant_id": "a"},
    ],
    ids=["expires later", "lower priority", "younger", "alike", "expired already"],
)
def test_which_of_two_grants_pays(later: dict[str, object]) -> None:
    second = msgspec.structs.replace(FIRST, **later)
    after, uses = burn([second, FIRST], 1, "req", NOW)
    assert [use.grant_id for use in uses] == [FIRST.grant_id]
    assert [each.left_nanousd for each in after] == [9, 10]
    assert order(FIRST) != order(second), "so that it does not depend on how the database lists them"


GRANTS = st.lists(
    st.builds(
        OpenGrant,
        grant_id=st.uuids().map(str),
        account_id=st.just("a"),
        left_nanousd=st.integers(0, 100),
        expires_us=st.sampled_from([NOW - 1, NOW, NOW + 1, NEVER_US]),
        priority=st.integers(0, 2),
        created_us=st.integers(0, 3),
    ),
    max_size=6,
)


@given(GRANTS, st.integers(0, 700))
def test_burning_takes_all_it_can_and_no_more(grants: list[OpenGrant], amount: int) -> None:
    after, uses = burn(grants, amount, "req", NOW)
    taken = sum(use.amount_nanousd for use in uses)
    assert taken == min(amount, sum(each.left_nanousd for each in grants))
    assert sum(each.left_nanousd for each in grants) - taken == sum(each.left_nanousd for each in after)
    assert {each.grant_id for each in after} == {each.grant_id for each in grants}
    assert all(use.amount_nanousd > 0 for use in uses)


@given(GRANTS, st.lists(st.integers(0, 100), max_size=5))
def test_burning_bit_by_bit_is_burning_at_once(grants: list[OpenGrant], amounts: list[int]) -> None:
    at_once, _ = burn(grants, sum(amounts), "req", NOW)
    for amount in amounts:
        grants, _ = burn(grants, amount, "req", NOW)
    assert sorted(map(repr, grants)) == sorted(map(repr, at_once))
