"""P3 as a property: for any chat our ids are mistral_common's, our count is their number, and no bound is below it."""

import json

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.tokens.bound import bound_prompt
from gateway.tokens.count import count_prompt, encode_prompt
from gateway.tokens.decode import decode_prompt
from gateway.tokens.order_v13 import refuse_disorder
from gateway.tokens.tekken import Vocabulary
from gateway.tokens.types import PromptRejected
from tests.tokens.conftest import Encode
from tests.tokens.strategies import Body, bodies

IMAGE_IDS = {10, 12, 13}


@settings(max_examples=150)
@given(body=bodies())
@example(body={"messages": [{"role": "system", "content": "alone"}]})
@example(body={"messages": [{"role": "user", "content": ""}]})
@example(
    body={
        "messages": [
            {"role": "user", "content": "x" * 5},
            {"role": "assistant", "content": "   ", "prefix": True},
        ]
    }
)
def test_ids_count_and_bound(
    body: Body, vocabulary: Vocabulary, bytes_vocabulary: Vocabulary, mistral_encodes: Encode
) -> None:
    expected = mistral_encodes(body)

    prompt = decode_prompt(json.dumps(body).encode())
    count = count_prompt(prompt, vocabulary)
    bound = bound_prompt(prompt)

    assert encode_prompt(prompt, vocabulary) == expected
    assert count.prompt_tokens == len(expected)
    assert count.image_tokens == sum(token in IMAGE_IDS for token in expected)
    assert count.text_tokens <= count_prompt(prompt, bytes_vocabulary).text_tokens <= bound.text_tokens_max
    assert count.image_tokens == bound.image_tokens_max
    refuse_disorder(prompt)


_ROLES = st.sampled_from(["system", "user", "assistant", "tool"])


@st.composite
def _disorderly(draw: st.DrawFn) -> Body:
    """Any roles in any order, ids that match or not, parts where they do not belong."""
    messages = []
    for role in draw(st.lists(_ROLES, min_size=1, max_size=6)):
        message: Body = {
            "role": role,
            "content": draw(st.sampled_from(["", "x", "x", "x", [], _TEXT, _TEXT, _THINK])),
        }
        if role == "tool":
            message["tool_call_id"] = draw(st.sampled_from(["a", "a", "b", "null", ""]))
            message["name"] = draw(st.sampled_from([None, "f", "no such name!"]))
        if role == "assistant":
            ids = draw(st.lists(st.sampled_from(["a", "a", "a", "b", "null", ""]), max_size=2))
            message["tool_calls"] = [
                {"id": i, "function": {"name": draw(_NAMES), "arguments": "{}"}} for i in ids
            ]
            message |= draw(
                st.sampled_from([{}, {}, {"reasoning": "r"}, {"reasoning": "r", "reasoning_content": "s"}])
            )
        messages.append(message)
    if messages[-1]["role"] == "assistant" and draw(st.booleans()):
        messages[-1]["prefix"] = True
    tools = [{"type": "function", "function": {"name": draw(_NAMES)}}]
    return {"messages": messages, "tools": tools}


_TEXT = [{"type": "text", "text": "x"}]
_THINK = [{"type": "thinking", "thinking": "x"}]
_NAMES = st.sampled_from(["f", "f", "f", "f", "not a name"])


@settings(max_examples=400)
@given(body=_disorderly())
def test_what_mistral_refuses_we_refuse(body: Body, mistral_encodes: Encode) -> None:
    try:
        mistral_encodes(body)
        accepted = True
    except Exception:  # noqa: BLE001 - mistral_common's refusals share no base class
        accepted = False

    refusal = refusal_of(body)

    assert (refusal is None) == accepted
    assert refusal is None or refusal.param.startswith(("messages[", "tools["))


def refusal_of(body: Body) -> PromptRejected | None:
    try:
        refuse_disorder(decode_prompt(json.dumps(body).encode()))
    except PromptRejected as refusal:
        return refusal
    return None


@settings(max_examples=300)
@given(
    st.one_of(
        st.floats(allow_nan=False, allow_infinity=False).map(repr),
        st.builds(lambda digits, exponent: f"{digits}e{exponent}", st.integers(), st.integers(-330, 330)),
        st.builds(lambda digits, more: f"{digits}.{more}", st.integers(), st.integers(0)),
    )
)
def test_no_number_outgrows_its_bound(number: str) -> None:
    """Dumped again, a number can be four times as long; `bound` knows by how much at most."""
    body = {
        "messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "", "arguments": number}}]}]
    }
    empty = {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "", "arguments": ""}}]}]}
    size = bound_prompt(decode_prompt(msgspec.json.encode(body))).text_tokens_max
    base = bound_prompt(decode_prompt(msgspec.json.encode(empty))).text_tokens_max - 2

    assert len(json.dumps(json.loads(number))) <= size - base
