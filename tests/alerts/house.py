"""An account with something to watch: real sums and balances, rules and targets, at an instant that a test moves."""

import asyncio
from typing import Any

import msgspec
from sqlalchemy import insert

from gateway.acts import alerts as acts
from gateway.alerts import manage, store
from gateway.alerts.types import Delivery, Firing, Message, Rule, RuleKind, Target
from gateway.credit.give import give
from gateway.jobs.watch_alerts import Seen, watch_step
from gateway.kit.clock import DAY_US, from_rfc3339
from gateway.kit.db import Database, WriteConn
from gateway.kit.ids import new_id
from gateway.kit.money import NANOS_PER_USD
from gateway.people import store as people
from gateway.people.sign_in import add_person
from gateway.rollups.tables import usage_days
from tests.fixtures.ledger import MODEL, Books

NOON = from_rfc3339("2027-01-15T12:00:00Z")
USD = NANOS_PER_USD


class House:
    def __init__(self, books: Books, usd: int = 100) -> None:
        self.database: Database = books.database
        self.account_id, self.key_id = books.account(usd * USD)
        self.now = NOON
        self.seen: Seen = {}
        person = self.write(
            lambda conn: add_person(conn, "ada@example.com", name="", is_operator=False, now_us=1)
        )
        self.person_id: str = person.id
        self.write(lambda conn: people.join(conn, self.account_id, person.id, "owner", 1))

    def write(self, work: Any) -> Any:
        return self.database.write_now(work)

    def read(self, work: Any) -> Any:
        return self.database.read_now(work)

    def rule(self, kind: RuleKind, usd: float = 0, *marks: int, key_id: str | None = None) -> Rule:
        rule = Rule(id=new_id("alr"), account_id=self.account_id, key_id=key_id, kind=kind, amount_nanousd=int(usd * USD),
                    marks=marks or (100,), created_us=self.now)  # fmt: skip
        self.write(lambda conn: acts.add_rule(conn, "ada@example.com", rule))
        return rule

    def webhook(self, url: str) -> Target:
        target = manage.webhook_to(new_id("tgt"), self.account_id, url, self.now, private_targets=True)
        self.write(lambda conn: acts.add_target(conn, "ada@example.com", target))
        return target

    def mail(self) -> Target:
        def add(conn: WriteConn) -> Target:
            target = manage.mail_to(conn, new_id("tgt"), self.account_id, self.person_id, self.now)
            acts.add_target(conn, "ada@example.com", target)
            return target

        return self.write(add)  # type: ignore[no-any-return]

    def spend(self, usd: float, *, days_ago: int = 0, key_id: str | None = None) -> None:
        """As the sums of a day have it, of a model of its own each time; the balance is not touched."""
        row = {column.name: 0 for column in usage_days.c}
        row |= {"account_id": self.account_id, "day": self.now // DAY_US - days_ago, "key_id": key_id or self.key_id,
                "model": new_id(MODEL), "requests": 1, "cost_nanousd": int(usd * USD)}  # fmt: skip
        self.write(lambda conn: conn.execute(insert(usage_days), row))
        self.seen.clear()  # as if the mark had moved with it

    def give(self, usd: float) -> None:
        kind = "top_up" if usd > 0 else "correction"
        self.write(lambda conn: give(conn, self.account_id, int(usd * USD), kind=kind, reason="t"))

    def watch(self, database: Database | None = None, seen: Seen | None = None) -> int:
        """One step of the job: how many messages there are to send."""
        kept = self.seen if seen is None else seen
        return asyncio.run(watch_step(database or self.database, kept, self.now))

    @property
    def firings(self) -> list[Firing]:
        """The last first."""
        return [
            each for each, _ in self.read(lambda conn: store.list_firings(conn, self.account_id, limit=100))
        ]

    @property
    def outbox(self) -> list[Delivery]:
        """The last first."""
        return self.read(lambda conn: store.list_deliveries(conn, self.account_id, 100))  # type: ignore[no-any-return]

    @property
    def texts(self) -> list[str]:
        return [msgspec.json.decode(each.message, type=Message).text for each in self.outbox]
