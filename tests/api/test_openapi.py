"""docs/openapi.json is what the code says, says it of every route, and is served to everybody."""

import difflib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
from litestar.routes import ASGIRoute

from gateway.api.edge import is_page
from gateway.api.openapi.document import document, encoded
from gateway.app import build
from gateway.inference.request import MISTRAL_PREFIX
from tests.fixtures.running import RunningGateway

DOCUMENT = Path(__file__).parents[2] / "docs/openapi.json"
OPERATIONS = [
    (method.upper(), path, operation)
    for path, methods in document()["paths"].items()
    for method, operation in methods.items()
]


def test_the_document_is_what_the_code_says() -> None:
    kept, drawn = DOCUMENT.read_text("utf-8"), encoded().decode()
    difference = difflib.unified_diff(
        kept.splitlines(), drawn.splitlines(), "docs/openapi.json", "the code", n=2
    )
    assert kept == drawn, "\n".join(["run `make openapi` and look at what changed:", *difference])


def test_every_route_is_described(gateway: RunningGateway) -> None:
    there_are = set()
    for route in build(gateway.settings).routes:
        path = "/".join(part.partition(":")[0] + "}" * (":" in part) for part in route.path_format.split("/"))
        methods = {"POST"} if isinstance(route, ASGIRoute) else route.methods - {"OPTIONS"}
        there_are |= {(method, path) for method in methods}
    pages = {(method, path) for method, path in there_are if is_page(path)}
    twins = {(method, path) for method, path in there_are if path.startswith(MISTRAL_PREFIX)}
    assert {(method, path.removeprefix(MISTRAL_PREFIX)) for method, path in twins} < there_are
    assert {(method, path) for method, path, _ in OPERATIONS} == there_are - twins - pages - {
        ("GET", "/openapi.json")
    }


def test_every_operation_can_be_read() -> None:
    names = Counter(operation["operationId"] for _, _, operation in OPERATIONS)
    assert max(names.values()) == 1
    for method, path, operation in OPERATIONS:
        where = f"{method} {path}"
        assert operation["summary"].endswith("."), where
        assert len(operation["tags"]) == 1, where
        assert bool(operation["security"]) == (operation["tags"] not in (["health"], ["stripe"])), where
        assert all(status in operation["responses"] for status in ("401", "503")) == bool(
            operation["security"]
        )
        if operation["tags"] == ["admin"]:
            assert operation["security"] == [{"operatorKey": []}], where


def test_every_reference_leads_somewhere() -> None:
    drawn = json.loads(encoded())

    def follow(node: Any) -> None:
        if isinstance(node, dict):
            reference = node.get("$ref")
            if isinstance(reference, str):
                found = drawn
                for name in reference.removeprefix("#/").split("/"):
                    found = found[name]
            for value in node.values():
                follow(value)
        elif isinstance(node, list):
            for item in node:
                follow(item)

    follow(drawn)


def test_an_answer_has_every_field_that_is_not_optional() -> None:
    schemas = json.loads(encoded())["components"]["schemas"]
    assert set(schemas["KeyInfo"]["required"]) == set(schemas["KeyInfo"]["properties"])
    assert "left_usd" not in schemas["GrantInfo"]["required"]
    assert schemas["NewOwnKey"]["additionalProperties"] is False
    assert schemas["NewOwnKey"]["required"] == []
    assert schemas["PageOfUsageSum"]["properties"]["data"]["items"] == {
        "$ref": "#/components/schemas/UsageSum"
    }


def test_it_is_served_to_everybody(gateway: RunningGateway) -> None:
    with httpx.Client(base_url=gateway.url, trust_env=False) as nobody:
        answer = nobody.get("/openapi.json")
    assert answer.content == encoded()
    assert answer.headers["content-type"] == "application/json"
