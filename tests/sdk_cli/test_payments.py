"""`tollway top-up` and `invoices`, before a gateway that takes cards."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.test_sdk_payments import payer
from tests.fixtures.paid import Paid, invoiced, paid_gateway
from tests.fixtures.scripted import ScriptedWorker
from tests.sdk_cli.process import Shell


@pytest.fixture(scope="module")
def paid(worker: ScriptedWorker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paid]:
    with paid_gateway(tmp_path_factory.mktemp("cli"), worker.url) as made:
        yield made


def test_a_top_up_and_what_is_billed(paid: Paid, tmp_path: Path) -> None:
    gateway, stripe = paid
    account_id, key = payer(paid, "typing")
    shell = Shell(tmp_path)
    assert shell.run("login", "--base-url", gateway.url, "--key-stdin", stdin=key).returncode == 0
    page, words = shell.run("top-up", "25").stdout.splitlines()
    [session] = stripe.of("checkout.session").values()
    assert (page, words) == (session["url"], "$25.000000000 more once it is paid there, within a day")
    assert json.loads(shell.run("top-up", "10.50", "--json").stdout)["amount_usd"] == "10.500000000"
    wrong = shell.run("top-up", "2")
    assert (wrong.returncode, "a top-up is $5 to $10,000" in wrong.stderr) == (1, True)
    assert shell.run("invoices").stdout == "no invoice yet\n"
    invoice_id = invoiced(gateway, account_id, "2026-09", state="paid")
    listed = shell.run("invoices").stdout
    assert all(each in listed for each in ("2026-09", "$13.360000000", "paid", "ACME-2026-09", invoice_id))
    assert json.loads(shell.run("invoices", "--json").stdout)[0]["id"] == invoice_id
    one = shell.run("invoices", invoice_id).stdout
    assert all(
        each in one
        for each in ("61,728,394 tokens", "$13.357678900", "$13.360000000", "https://invoice.stripe.com/")
    )
    assert json.loads(shell.run("invoices", invoice_id, "--json").stdout)["lines"][2]["kind"] == "credit"
    assert shell.run("invoices", "inv_nobody").returncode == 1
