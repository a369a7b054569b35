"""What breaks a client, each by its name: how servers answer, and what the official clients make of it if it is passed on.

By driving them; `test_wire.py` has the same as rules for the bytes.
"""

import pytest

from gateway.accounts.store import find_account
from gateway.credit.give import give
from tests.dropin.actor import ANSWER, THOUGHT, WORDS
from tests.dropin.conftest import Acting
from tests.dropin.oddities import HARMLESS
from tests.dropin.site import API, BREAKING, PRICE_IN, PRICE_OUT, TOLD

PROMPT_TOKENS_MAX = 170
"""Of a few words and the default system prompt."""
one_of_each = pytest.mark.clients("openai-sync", "mistral-sync", "openai-js", "mistral-js")


@one_of_each
@pytest.mark.parametrize("scenario", ["chat", "stream"])
@pytest.mark.parametrize("how", HARMLESS)
def test_driven(act: Acting, how: str, scenario: str) -> None:
    seen = act(scenario, model=TOLD, prompt=f"say how={how}")
    assert seen["text"] == WORDS
    assert seen["finish_reason"] == ("content_filter" if how == "unknown_finish_reason" else "stop")
    act.billed(seen["usage"])


@one_of_each
@pytest.mark.parametrize("scenario", ["chat", "stream"])
def test_a_deprecated_model(act: Acting, scenario: str) -> None:
    """The Python client of Mistral raises ResponseNotRead on a stream with that header."""
    assert act(scenario, model=API, prompt="say")["text"] == WORDS


@one_of_each
def test_a_worker_that_cannot_process_it(act: Acting) -> None:
    """Not a ResponseValidationError: an error with the worker's words."""
    seen = act("error", model=TOLD, prompt="say how=unprocessable")
    assert (seen["status"], seen["code"]) == (400, "refused_by_worker")
    assert "the field x is unknown" in seen["message"]


@one_of_each
def test_a_reply_that_is_not_a_stream(act: Acting) -> None:
    seen = act("broken_stream", model=BREAKING, prompt="say how=not_a_stream")
    assert seen["text"] == ""
    assert "something else than a stream" in seen["message"]


@one_of_each
def test_a_comment_between_events(act: Acting) -> None:
    """Which is how a client learns that its credit ran out; the answer ends properly."""
    act.open_account("0")
    _top_up(act, PROMPT_TOKENS_MAX * PRICE_IN + 100 * PRICE_OUT)
    seen = act("stream", model=TOLD, prompt="ok tokens=500 prompt=10", fields={"max_tokens": 500})
    assert seen["finish_reason"] == "length"
    assert 100 <= seen["text"].count("tok ") < 150
    assert seen["usage"]["outcome"] == "credit_ended"
    act.billed(seen["usage"])


def _top_up(act: Acting, nanousd: int) -> None:
    database = act.site.gateway.database
    account = database.read_now(lambda conn: find_account(conn, act.account))
    database.write_now(lambda conn: give(conn, account.id, nanousd, kind="top_up", reason="test"))


@pytest.mark.clients("openai-sync", "openai-async", "openai-js")
def test_usage_that_was_not_asked_for(act: Acting) -> None:
    """No chunk without choices, which naive loops index; and billed all the same."""
    seen = act("stream", model=TOLD, prompt="say", without_usage=True)
    assert (seen["text"], seen["usage"], seen["every_chunk_has_choices"]) == (WORDS, None, True)
    assert act.site.only_event(act.account).cost_nanousd == 20 * PRICE_IN + 6 * PRICE_OUT


@pytest.mark.clients("openai-sync", "openai-js")
def test_work_that_was_begun_is_not_repeated(act: Acting) -> None:
    """These clients repeat a failed POST twice unless they are told not to."""
    prompt = f"bad_status status=500 {act.account}"
    seen = act("error", model=TOLD, prompt=prompt, retries=2)
    assert (seen["status"], seen["code"]) == (502, "worker_failed")
    assert len([each for each in act.site.told.seen if act.account in str(each.body)]) == 1


@pytest.mark.clients("openai-sync", "openai-async", "openai-js")
def test_a_request_id(act: Acting) -> None:
    """Which OpenAI's clients show on every answer: the name of its receipt."""
    seen = act("chat", model=TOLD, prompt="say")
    assert seen["request_id"] == act.site.only_event(act.account).request_id


@pytest.mark.clients("mistral-sync", "mistral-js")
def test_an_id_of_a_call_is_nine_letters(act: Acting) -> None:
    seen = act("streamed_tools", model=TOLD, prompt="tool city=Paris,Rome")
    assert len(set(seen["ids"])) == 2
    assert all(len(each) == 9 and each.isalnum() for each in seen["ids"])


@pytest.mark.clients("mistral-sync", "mistral-js")
def test_thinking_is_a_list_of_chunks(act: Acting) -> None:
    """For these; OpenAI's get strings, whichever dialect the worker has (`test_reasoning`)."""
    seen = act("stream", model=API, prompt="think")
    assert (seen["text"], seen["reasoning"]) == (ANSWER, THOUGHT)


@pytest.mark.clients("langchain-mistral", "llama-index")
def test_a_call_in_one_piece(act: Acting) -> None:
    """Which is all that these two can take in a stream: the reason for their "no" in the table."""
    seen = act("streamed_tools", model=TOLD, prompt="call city=Paris,Rome")
    assert [call["arguments"] for call in seen["calls"]] == [{"city": "Paris"}, {"city": "Rome"}]
    assert seen["text"] == "Reported: Paris: sun; Rome: sun"
