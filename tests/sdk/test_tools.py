"""Tools from typed functions: what a model is told, and what happens when it calls."""

import asyncio
import enum
import json
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import httpx
import msgspec
import pytest
import tollway
from tollway import ChatCompletion, Choice, TokenUsage, ToolCall

from tests.sdk.shells import Shell
from tests.sdk.test_stream import ANSWER


class Class(enum.Enum):
    CAR = "car"
    LORRY = "lorry"


@dataclass
class Vehicle:
    axles: int
    kind: Class = Class.CAR


@tollway.tool
def toll(
    road: str, vehicle: Vehicle, at: Literal["day", "night"] = "day", trailers: list[int] | None = None
) -> str:
    """The toll for one passage.

    In dollars.

    Args:
        road: its number, like A1
            or its name
        at (str): when

    Returns:
        text: not an argument
    """
    return f"{road} {vehicle.axles} {vehicle.kind.value} {at} {trailers}"


def called(*calls: tuple[str, str]) -> ChatCompletion:
    made = tuple(ToolCall(f"t{i}", name, arguments) for i, (name, arguments) in enumerate(calls))
    return ChatCompletion("c", "m", (Choice(tool_calls=made),), TokenUsage(), "req_1")


def test_a_function_is_described_by_its_types_and_its_docstring() -> None:
    told = toll.as_json()["function"]
    assert (told["name"], told["description"]) == ("toll", "The toll for one passage.\n\nIn dollars.")
    said = told["parameters"]
    assert (said["type"], said["required"], said["additionalProperties"]) == (
        "object",
        ["road", "vehicle"],
        False,
    )
    assert said["properties"]["road"] == {"type": "string", "description": "its number, like A1 or its name"}
    assert said["properties"]["at"] == {"enum": ["day", "night"], "default": "day", "description": "when"}
    assert said["properties"]["vehicle"] == {"$ref": "#/$defs/Vehicle"}
    assert said["$defs"]["Vehicle"]["properties"]["kind"]["default"] == "car"
    assert said["$defs"]["Vehicle"]["additionalProperties"] is False
    json.dumps(told)


def test_it_is_still_the_function() -> None:
    assert toll("A1", Vehicle(2), at="night") == "A1 2 car night None"


def test_a_call_is_checked_run_and_answered() -> None:
    arguments = '{"road": "A1", "vehicle": {"axles": 5, "kind": "lorry"}, "trailers": [1, 2]}'
    assert tollway.run_tools(called(("toll", arguments)), [toll]) == [
        {"role": "tool", "tool_call_id": "t0", "name": "toll", "content": "A1 5 lorry day [1, 2]"}
    ]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (
            ("toll", '{"road": "A1"}'),
            "The arguments of toll do not fit: Object missing required field `vehicle`",
        ),
        (("toll", '{"road": 1, "vehicle": {"axles": 1}}'), "Expected `str`, got `int` - at `$.road`"),
        (("toll", '{"road": "A1", "vehicle": {"axles": 1}, "speed": 1}'), "unknown field `speed`"),
        (("toll", '{"road": '), "The arguments of toll do not fit: Input data was truncated"),
        (("fly", "{}"), "There is no tool 'fly'; there are: toll."),
    ],
)
def test_a_models_mistake_is_told_to_the_model(call: tuple[str, str], told: str) -> None:
    [message] = tollway.run_tools(called(call), [toll])
    assert told in message["content"]


def test_any_value_is_an_answer_and_no_arguments_are_none() -> None:
    def now() -> dict[str, int]:
        return {"hour": 7}

    [message] = tollway.run_tools(called(("now", "")), [now])
    assert message["content"] == '{"hour":7}'


def test_what_a_function_raises_comes_through() -> None:
    def broken() -> str:
        raise LookupError("the road is closed")

    with pytest.raises(LookupError, match="closed"):
        tollway.run_tools(called(("broken", "{}")), [broken])


def test_async_functions_are_awaited_among_others() -> None:
    async def weather(city: str) -> str:
        await asyncio.sleep(0)
        return f"rain in {city}"

    answer = called(("weather", '{"city": "Bern"}'), ("toll", '{"road": "A1", "vehicle": {"axles": 2}}'))
    messages = asyncio.run(tollway.run_tools_async(answer, [weather, toll]))
    assert [message["content"] for message in messages] == ["rain in Bern", "A1 2 car day None"]
    with pytest.raises(TypeError, match="run_tools_async"):
        tollway.run_tools(answer, [weather, toll])


def test_tools_in_the_apis_own_shape_are_sent_and_not_run() -> None:
    plain = {"type": "function", "function": {"name": "toll", "parameters": {}}}
    [message] = tollway.run_tools(called(("toll", "{}")), [plain])
    assert "no tool 'toll'; there are: none" in message["content"]


def no_type(road) -> str:  # type: ignore[no-untyped-def]
    return str(road)


def not_by_name(*roads: str) -> str:
    return str(roads)


def no_schema(road: str, of: complex) -> str:
    return f"{road}{of}"


@pytest.mark.parametrize(
    ("function", "why"), [(no_type, "a type"), (not_by_name, "by name"), (no_schema, "complex")]
)
def test_a_function_that_cannot_be_a_tool_says_why(function: Any, why: str) -> None:
    with pytest.raises(TypeError, match=why):
        tollway.tool(function)


def test_annotations_refine_what_a_model_may_say() -> None:
    def pay(cents: Annotated[int, msgspec.Meta(ge=1, description="how much")]) -> str:
        return str(cents)

    tool = tollway.tool(pay)
    assert tool.parameters["properties"]["cents"] == {
        "type": "integer",
        "minimum": 1,
        "description": "how much",
    }
    [message] = tollway.run_tools(called(("pay", '{"cents": 0}')), [tool])
    assert "Expected `int` >= 1" in message["content"]


def test_functions_travel_as_tools(shell: Shell) -> None:
    sent: list[Any] = []

    def gateway(request: httpx.Request) -> httpx.Response:
        sent.append(json.loads(request.content)["tools"])
        return httpx.Response(200, json=ANSWER)

    plain = {"type": "function", "function": {"name": "f"}}
    shell.complete(gateway, tools=[toll, toll.function, plain])
    assert sent == [[toll.as_json(), toll.as_json(), plain]]


def test_an_answer_goes_back_as_a_message() -> None:
    calls = (ToolCall("t1", "f", "{}"),)
    answer = ChatCompletion("c", "m", (Choice("hi", "hm", calls),), TokenUsage(), "req_1")
    plain = {"role": "assistant", "content": "hi",
             "tool_calls": [{"id": "t1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}  # fmt: skip
    assert answer.as_message() == plain
    assert answer.as_message(reasoning=True) == plain | {"reasoning": "hm"}
