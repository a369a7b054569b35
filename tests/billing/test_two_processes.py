"""Two processes on one ledger at the same moment: one draws, one books, the other finds it done."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from gateway.billing.border import Border
from gateway.billing.invoicing import draw_due
from gateway.kit.db import Database, WriteConn
from gateway.payments import book
from gateway.payments import store as payments
from gateway.payments.types import TopUp
from tests.billing.fire import month_ends
from tests.billing.world import MILLION, USD, World


@contextmanager
def processes(world: World) -> Iterator[list[Border]]:
    others = [Database(world.database.url) for _ in range(2)]
    yield [msgspec.structs.replace(world.border, database=database) for database in others]
    for database in others:
        database.close()


def at_once(world: World, *works: Any) -> list[Any]:
    async def gather() -> list[Any]:
        return await asyncio.gather(*works)

    return world.do(gather())


def test_draw_one_invoice(world: World) -> None:
    owners = [world.account(limit_usd=50) for _ in range(5)]
    for _ in range(2):
        for owner in owners:
            world.use(owner, 0, 2 * MILLION)
        month_ends(world)
    with processes(world) as borders:
        drawn = at_once(world, *map(draw_due, borders))
    assert sum(drawn) == 10
    assert [len(world.drawn(owner)) for owner in owners] == [2] * 5
    world.settle()
    world.check()


def test_collect_a_debt_once(world: World) -> None:
    """Each would find it open, and take it of the credit that the other just brought."""
    for number in range(5):
        owner = world.account()
        intent = world.top_up(owner, 10)
        world.use(owner, 0, 10 * MILLION)
        world.do(world.api.v1.refunds.create_async({"payment_intent": intent}))
        world.settle()
        now = world.books.now
        orders = [TopUp(id=f"top_{number}{place}", account_id=owner[0], kind="checkout", cents=2_000, by="t", created_us=now)
                  for place in range(2)]  # fmt: skip

        def pay(conn: WriteConn, top_up: TopUp) -> object:
            return book.book_top_up(conn, top_up, f"x{top_up.id}", now)  # noqa: B023

        def collect(conn: WriteConn) -> object:
            return book.collect(conn, owner[0])  # noqa: B023

        for each in orders:
            world.database.write_now(lambda conn, each=each: payments.insert_top_up(conn, each))  # type: ignore[misc]
        with processes(world) as (one, two):
            at_once(
                world,
                one.database.write(lambda conn: pay(conn, orders[0])),  # noqa: B023
                two.database.write(collect),
                two.database.write(lambda conn: pay(conn, orders[1])),  # noqa: B023
                one.database.write(collect),
            )
        assert world.left(owner) == (40 - 6) * USD
    assert world.books.findings() == ()
