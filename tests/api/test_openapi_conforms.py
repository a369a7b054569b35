"""docs/openapi.json against a running gateway: thousands of requests, right and wrong, answered as the document says."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import settings
from schemathesis.checks import positive_data_acceptance

from tests.fixtures.offering import OfferingWorker, offering
from tests.fixtures.paid import paid_gateway
from tests.fixtures.running import RunningGateway

DOCUMENT = Path(__file__).parents[2] / "docs/openapi.json"
JOIN_TOKEN = "a-token-of-many-characters"
MODEL = "magistral-small-2509"
PAYING = {"/v1/top_ups", "/v1/auto_top_up"}
"""A key without a list of scopes, which may all the rest, has no card charged."""


def without_security() -> dict[str, Any]:
    """Keys are brought by this file; test_routes.py proves that every route wants one."""
    document = json.loads(DOCUMENT.read_text("utf-8"))
    for path in document["paths"].values():
        for operation in path.values():
            del operation["security"]
    return document


schema = schemathesis.openapi.from_dict(without_security())


class Forgiving(OfferingWorker):
    """Answers whatever it is asked: here no text is meant as its script."""

    def script_of(self, body: dict[str, Any]) -> str:
        return "ok"


class Site:
    """`keys`: by subject, whom it is for, and somebody for whom it is not."""

    def __init__(self, gateway: RunningGateway) -> None:
        self.url = gateway.url
        customer, operator = gateway.account("customer", "1000000"), gateway.operator()
        with gateway.api(operator) as api:
            (key,) = [each for each in api.get("/admin/v1/keys").json()["data"] if each["account_id"]]
            api.patch(f"/admin/v1/keys/{key['id']}", json={"manages_keys": True})
            fields = {"account": "customer", "name": "pays", "scopes": ["usage:read", "payments"]}
            self.payer = api.post("/admin/v1/keys", json=fields).json()["key"]
        self.keys = {
            "inference": (customer, operator),
            "account": (customer, operator),
            "admin": (operator, customer),
            "join": (JOIN_TOKEN, customer),
            "health": ("",),
            "stripe": ("",),
        }


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("conforms")
    url = "" if request.param == "sqlite" else request.getfixturevalue("postgres").create_database()
    options = {"price_book": offering(folder), "join_token": JOIN_TOKEN, "database_url": url}
    with (
        Forgiving(kind="vllm") as worker,
        paid_gateway(folder / "data", worker.url, **options) as (gateway, _),
    ):
        yield Site(gateway)


@schema.parametrize()
@settings(max_examples=10, derandomize=True)
def test_answers_are_as_documented(case: schemathesis.Case, site: Site) -> None:
    """Not checked: that all which fits the schema is accepted.  A price book, a sum of credit are wrong in ways of their own."""
    (tag,) = case.operation.tags
    bring_home(case)
    right, *wrong = site.keys[tag]
    right = site.payer if case.operation.path in PAYING else right
    answer = answered(case, site, right)
    # What a body asks for may be more than its key may give (`scopes`): that names the field.
    assert answer.status_code not in {401, 403} or answer.json()["param"] == "scopes", answer.text
    for key in wrong:
        answered(case, site, key)


def answered(case: schemathesis.Case, site: Site, key: str) -> schemathesis.Response:
    headers = {"authorization": f"Bearer {key}"}
    return case.call_and_validate(site.url, headers=headers, excluded_checks=[positive_data_acceptance])


def bring_home(case: schemathesis.Case) -> None:
    """Workers are where nobody listens, so that no test reaches out; half of the models are one that is served."""
    if not isinstance(case.body, dict):
        return
    if str(case.body.get("url")).startswith("http"):
        case.body = {**case.body, "url": "http://127.0.0.1:9"}
    model = case.body.get("model")
    if case.meta.generation.mode.is_positive and isinstance(model, str) and len(model) % 2:
        case.body = {**case.body, "model": MODEL}
