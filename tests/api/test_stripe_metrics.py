"""What `/metrics` says of the border to Stripe, and that without Stripe it says nothing."""

from pathlib import Path

import msgspec

from gateway.billing import store
from gateway.billing.reconcile import Difference, Report
from gateway.billing.types import Intent, News
from gateway.kit.clock import now_us
from gateway.kit.db import WriteConn
from tests.fixtures.paid import paid_gateway
from tests.fixtures.running import RunningGateway
from tests.fixtures.scripted import ScriptedWorker

LATER = 10**18


def figures(gateway: RunningGateway) -> list[str]:
    with gateway.api(gateway.operator()) as operator:
        lines = operator.get("/metrics").text.splitlines()
    return sorted(line for line in lines if line.startswith("tollway_stripe_"))


def test_what_waits_is_counted(worker: ScriptedWorker, tmp_path: Path) -> None:
    with paid_gateway(tmp_path, worker.url) as (gateway, _):
        gateway.account("acme")
        account_id, now = gateway.balance("acme").account_id, now_us()
        found = Difference(about="money", name="txn_1", account_id=None, words="nobody knows")
        last = Report(at_us=now, since_us=now, payments=0, paid_cents=0, reversals=0, reversed_cents=0, invoices=0,
                      invoiced_cents=0, rounding_nanousd=0, differences=(found, found, found))  # fmt: skip

        def seed(conn: WriteConn) -> None:
            for name, frozen_us in (("inv:1", None), ("inv:2", None), ("inv:3", now)):
                store.insert_intent(conn, Intent(id=name, kind="invoice", account_id=account_id, body="{}", created_us=now,
                                                 due_us=LATER, frozen_us=frozen_us))  # fmt: skip
            store.insert_news(conn, News(event_id="evt_1", type="refund.created", object_id="re_1", created_s=1,
                                         received_us=now, due_us=LATER))  # fmt: skip
            store.save_report(conn, LATER, msgspec.json.encode(last).decode())

        gateway.database.write_now(seed)
        assert figures(gateway) == [
            "tollway_stripe_differences 3.0",
            "tollway_stripe_inbox_unhandled 1.0",
            "tollway_stripe_outbox_frozen 1.0",
            "tollway_stripe_outbox_waiting 2.0",
        ]


def test_without_stripe_there_are_none(gateway: RunningGateway) -> None:
    assert figures(gateway) == []
