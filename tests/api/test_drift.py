"""The audit sample: what workers say, beside what we count, where everybody can see it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gateway.metering.store import sum_drift
from tests.fixtures.running import RunningGateway, chat, eventually
from tests.fixtures.scripted import ScriptedWorker

Name = Callable[[], str]


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with (
        ScriptedWorker(kind="vllm") as worker,
        RunningGateway(tmp_path_factory.mktemp("drift"), worker.url, audit_share=1.0) as running,
    ):
        yield running


def ask(gateway: RunningGateway, key: str, *bodies: dict[str, Any]) -> None:
    with gateway.api(key) as api:
        for body in bodies:
            assert api.post("/v1/chat/completions", json=body).status_code == 200


def test_drift_is_measured_explained_and_shown(audited: RunningGateway, fresh: Name) -> None:
    key, operator = audited.account(fresh()), audited.operator()
    # "tok tok tok " is 4 tokens of text; a vLLM that stops by itself counts the end of the sequence, too.
    right = chat("ok tokens=5 prompt=11 x", stream=True)
    ask(audited, key, right, chat("ok tokens=5 prompt=15 x"), chat("ok tokens=5 prompt=9", finish="length"))
    rows = lambda: audited.database.read_now(sum_drift)  # noqa: E731
    eventually(lambda: bool(rows()) and rows()[0].samples == 3, "three samples are counted")
    row = rows()[0]
    assert (row.model, row.kind) == ("magistral-small-2509", "vllm")
    with audited.api(operator) as admin:
        assert admin.get("/admin/v1/drift").json()["data"][0]["samples"] == 3
        figures = admin.get("/metrics").text
    assert (
        f'tollway_drift_tokens{{model="magistral-small-2509",token_class="input",worker="{row.worker}"}}'
        in figures
    )
    assert f'tollway_audit_samples{{model="magistral-small-2509",worker="{row.worker}"}} 3.0' in figures
    with audited.api(key) as customer:
        assert customer.get("/metrics").status_code == 403


def test_nothing_is_sampled_when_the_share_is_nothing(tmp_path: Any, fresh: Name) -> None:
    with (
        ScriptedWorker(kind="vllm") as worker,
        RunningGateway(tmp_path, worker.url, audit_share=0.0) as gateway,
    ):
        ask(gateway, gateway.account(fresh()), chat("ok"), chat("ok", stream=True))
        assert gateway.database.read_now(sum_drift) == []


def test_a_full_queue_drops_and_says_so(tmp_path: Any, fresh: Name, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.inference.audit.QUEUE_MAX", 1)

    async def never(self: object) -> None:
        import asyncio

        await asyncio.sleep(3600)

    monkeypatch.setattr("gateway.inference.audit.Audits.run", never)
    with (
        ScriptedWorker(kind="vllm") as worker,
        RunningGateway(tmp_path, worker.url, audit_share=1.0) as gateway,
    ):
        ask(gateway, gateway.account(fresh()), chat("ok"), chat("ok"), chat("ok"))
        with gateway.api(gateway.operator()) as admin:
            assert "tollway_audits_dropped 2.0" in admin.get("/metrics").text
