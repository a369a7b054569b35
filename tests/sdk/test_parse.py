"""Typed answers: the schema that is sent, and the value that comes back."""

import json
from dataclasses import dataclass
from typing import Any, TypedDict

import httpx
import msgspec
import pydantic
import pytest
import tollway

from tests.sdk.shells import HELLO, Shell
from tests.sdk.test_stream import ANSWER, HEAD


@dataclass
class Toll:
    road: str
    cents: int


class TollStruct(msgspec.Struct):
    road: str
    cents: int


class TollModel(pydantic.BaseModel):
    road: str
    cents: int


class TollDict(TypedDict):
    road: str
    cents: int


class Node(msgspec.Struct):
    name: str
    children: list["Node"] = []


def gateway_saying(text: str, sent: list[Any], finish_reason: str = "stop") -> Any:
    def gateway(request: httpx.Request) -> httpx.Response:
        sent.append(json.loads(request.content))
        choices = [{"message": {"content": text}, "finish_reason": finish_reason}]
        return httpx.Response(200, json={**ANSWER, "choices": choices}, headers=HEAD)

    return gateway


@pytest.mark.parametrize("kind", [Toll, TollStruct, TollModel, TollDict])
def test_a_value_of_the_type_that_was_asked_for(shell: Shell, kind: Any) -> None:
    sent: list[Any] = []
    gateway = gateway_saying('{"road": "A1", "cents": 420}', sent)
    answer = shell.ask(gateway, lambda client: client.chat.parse(kind, **HELLO))
    assert answer.value == kind(road="A1", cents=420)
    assert (answer.cost, answer.request_id) == (tollway.Money(800), "req_1")
    asked = sent[0]["response_format"]
    schema = asked["json_schema"]["schema"]
    assert (asked["type"], asked["json_schema"]["name"], asked["json_schema"]["strict"]) == (
        "json_schema",
        kind.__name__,
        True,
    )
    assert (schema["type"], sorted(schema["properties"]), schema["additionalProperties"]) == (
        "object",
        ["cents", "road"],
        False,
    )
    assert sorted(schema["required"]) == ["cents", "road"]


def test_a_type_that_holds_itself(shell: Shell) -> None:
    sent: list[Any] = []
    gateway = gateway_saying('{"name": "a", "children": [{"name": "b"}]}', sent)
    answer = shell.ask(gateway, lambda client: client.chat.parse(Node, **HELLO))
    assert answer.value == Node("a", [Node("b")])
    schema = sent[0]["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["children"]["items"] == {"$ref": "#/$defs/Node"}
    assert "Node" in schema["$defs"]


@pytest.mark.parametrize("kind", [Toll, TollModel])
@pytest.mark.parametrize("said", ['{"road": "A1"}', '{"road": "A1", "cents": "x"}', "The A1.", ""])
def test_what_is_no_such_value_says_so_and_what_it_was(shell: Shell, kind: Any, said: str) -> None:
    with pytest.raises(tollway.InvalidOutput, match=f"no {kind.__name__}") as invalid:
        shell.ask(gateway_saying(said, []), lambda client: client.chat.parse(kind, **HELLO))
    assert (invalid.value.text, invalid.value.request_id) == (said, "req_1")
    assert invalid.value.cost == tollway.Money(800), "it was charged"
    assert "max_tokens" not in str(invalid.value)


def test_an_answer_that_was_cut_off_says_how_to_mend_it(shell: Shell) -> None:
    with pytest.raises(tollway.InvalidOutput, match="raise max_tokens"):
        shell.ask(
            gateway_saying('{"road": "A', [], "length"), lambda client: client.chat.parse(Toll, **HELLO)
        )


def test_what_has_no_schema_is_not_sent(shell: Shell) -> None:
    sent: list[Any] = []
    with pytest.raises(TypeError, match="complex"):
        shell.ask(gateway_saying("", sent), lambda client: client.chat.parse(complex, **HELLO))
    with pytest.raises(TypeError, match="response_format"):
        shell.ask(
            gateway_saying("", sent),
            lambda client: client.chat.parse(Toll, **HELLO, response_format={"type": "text"}),
        )
    assert sent == []
