"""Requests about alerts."""

from __future__ import annotations

from collections.abc import Iterable

from tollway._core import wire
from tollway._core.own import post, written
from tollway._core.request import Call, path
from tollway._money import Usd
from tollway._types.alerts import Alert, AlertKind


def own() -> Call[list[Alert]]:
    return Call("GET", "/v1/alerts", wire.list_reader(Alert))


def create(
    kind: AlertKind, amount_usd: Usd | None, thresholds: Iterable[int], key_id: str | None
) -> Call[Alert]:
    body = {"kind": kind, "amount_usd": amount_usd, "thresholds": list(thresholds), "key_id": key_id}
    return post(path("v1", "alerts"), written(body), wire.reader(Alert))


def remove(alert_id: str) -> Call[Alert]:
    return Call("DELETE", path("v1", "alerts", alert_id), wire.reader(Alert))
