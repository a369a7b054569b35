"""A user's program that touches everything that is public.  Never run: type checkers read it as strictly as they can."""
# pyright: strict

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, TypedDict, assert_never, assert_type

import httpx
import msgspec
import pydantic
import tollway
from PIL import Image

MODEL = "magistral-small-2509"


@dataclass
class Reading:
    kwh: int
    unit: Literal["kWh", "MWh"]


class Sign(msgspec.Struct):
    text: str


class Bill(pydantic.BaseModel):
    total: int


class Toll(TypedDict):
    cents: int


def toll(axles: int, *, night: bool = False) -> str:
    """The toll for a vehicle."""
    return f"${axles * 2 if night else axles * 3}.00"


@tollway.tool
def distance(here: str, there: str) -> float:
    """Miles between two places."""
    return float(len(here) + len(there))


def make_clients() -> tuple[tollway.Tollway, tollway.AsyncTollway]:
    with httpx.Client(proxy="http://127.0.0.1:3128") as http:
        tollway.Tollway("tw_k", "http://127.0.0.1:8080", timeout_s=30, max_retries=0, http_client=http)
    return tollway.Tollway(api_key="tw_k"), tollway.AsyncTollway(
        base_url="http://127.0.0.1:8080", http_client=None
    )


def chat(client: tollway.Tollway) -> None:
    answer = client.chat.complete(
        model=MODEL,
        messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}],
        max_tokens=50,
        temperature=0.7,
        top_p=0.95,
        stop=["\n"],
        tools=[toll, distance, {"type": "function", "function": {"name": "f"}}],
        tool_choice={"type": "function", "function": {"name": "toll"}},
        parallel_tool_calls=False,
        response_format={"type": "text"},
        presence_penalty=0.0,
        frequency_penalty=0.0,
        seed=1,
        reasoning_effort="high",
        prompt_mode=None,
        max_cost_usd=Decimal("0.01"),
        timeout_s=5.5,
        idempotency_key="once",
        extra_body={"user": "u"},
    )
    assert_type(answer, tollway.ChatCompletion)
    assert_type(answer.text, str)
    assert_type(answer.reasoning, str)
    assert_type(answer.tool_calls, tuple[tollway.ToolCall, ...])
    assert_type(answer.finish_reason, str | None)
    assert_type(answer.cost, tollway.Money)
    assert_type(answer.choices[0], tollway.Choice)
    assert_type(answer.usage, tollway.TokenUsage)
    assert_type(answer.usage.cost, tollway.Money)
    assert_type(answer.usage.image_tokens + answer.usage.reasoning_tokens, int)
    assert_type(answer.usage.cost_nanousd, int | None)
    messages = [tollway.user("What does the sign say?", tollway.image(Path("sign.png"), detail="high"))]
    messages += [tollway.user(tollway.image(b"GIF8"), tollway.image(Image.new("RGB", (9, 9))))]
    messages += [answer.as_message(reasoning=True), *tollway.run_tools(answer, [toll, distance])]
    client.chat.complete(
        model=answer.model, messages=messages, idempotency_key=answer.request_id or answer.id
    )


def stream(client: tollway.Tollway) -> Iterator[str]:
    with client.chat.stream(model=MODEL, messages="Hello") as events:
        assert_type(events, tollway.ChatStream)
        for event in events:
            yield describe(event)
        assert_type(events.request_id, str)
    again = client.fim.stream(model="codestral-2508", prompt="def f(", suffix="return x")
    for text in again.text_deltas():
        assert_type(text, str)
    assert_type(again.final(), tollway.ChatCompletion)
    again.close()


def describe(event: tollway.StreamEvent) -> str:
    match event:
        case tollway.TextDelta(text=text) | tollway.ReasoningDelta(text=text):
            return text
        case tollway.ToolCallDelta():
            return f"{event.index} {event.id or ''} {event.name or ''} {event.arguments}"
        case tollway.Finished():
            return event.finish_reason
        case tollway.Usage():
            return str(event.usage.cost)
        case _:
            assert_never(event)


def typed_answers(client: tollway.Tollway) -> None:
    reading = client.chat.parse(Reading, model=MODEL, messages="42 kWh", max_tokens=50)
    assert_type(reading, tollway.Parsed[Reading])
    assert_type(reading.value.unit, Literal["kWh", "MWh"])
    assert_type(client.chat.parse(Sign, model=MODEL, messages="STOP").value.text, str)
    assert_type(client.chat.parse(Bill, model=MODEL, messages="$4").value.total, int)
    assert_type(client.chat.parse(Toll, model=MODEL, messages="$4").value["cents"], int)
    try:
        client.chat.parse(int, model=MODEL, messages="four")
    except tollway.InvalidOutput as error:
        assert_type(error.cost, tollway.Money | None)
        print(error.text)


def tools(answer: tollway.ChatCompletion) -> None:
    made = tollway.tool(toll)
    assert_type(made, tollway.Tool)
    assert_type(made.as_json(), dict[str, Any])
    print(made(2), made.run('{"axles": 2}'), made.name, made.description, made.parameters, made.function)
    for call in answer.tool_calls:
        assert_type(call, tollway.ToolCall)
        print(call.id, call.name, call.arguments, call.as_json())
    offered: list[tollway.AnyTool] = [toll, made, made.as_json()]
    assert_type(tollway.run_tools(answer, offered), list[dict[str, Any]])


def texts(client: tollway.Tollway) -> None:
    code = client.fim.complete(
        model="codestral-2508",
        prompt="def f(",
        suffix="return x",
        max_tokens=9,
        min_tokens=1,
        random_seed=1,
        stop="\n",
    )
    assert_type(code, tollway.ChatCompletion)
    vectors = client.embeddings.create(model="mistral-embed-2312", input=["a", "b"], dimensions=8)
    assert_type(vectors, tollway.Embeddings)
    assert_type(vectors.vectors, tuple[tuple[float, ...], ...])
    print(
        client.embeddings.create(model=vectors.model, input=[[1, 2], [3]]).cost,
        vectors.usage,
        vectors.request_id,
    )
    counted = client.tokenize(model=MODEL, messages="Hello", tools=[toll], return_tokens=True)
    assert_type(counted, tollway.Tokenized)
    assert_type(counted.tokens, tuple[int, ...] | None)
    card = client.models.get(MODEL)
    estimate = client.estimate(
        offline=True, card=card, model=MODEL, messages=[tollway.user("Hi")], max_tokens=5
    )
    assert_type(estimate, tollway.Estimate)
    assert_type(estimate.cost_max, tollway.Money | None)
    print(estimate.cost_likely, estimate.available, estimate.affordable)
    for name, tier in estimate.tiers.items():
        assert_type(tier, tollway.Tier)
        print(name, tier.discount_percent, tier.up_to_tokens)


def money(client: tollway.Tollway) -> tollway.Money:
    amounts: list[tollway.Usd] = ["0.50", 1, 0.25, Decimal("0.1"), tollway.Money(5)]
    total = sum((tollway.Money.from_usd(each) for each in amounts), tollway.Money(0))
    assert_type(total, tollway.Money)
    with client.budget(usd=total - tollway.Money(1)) as budget:
        assert_type(budget, tollway.Budget)
        client.chat.complete(model=MODEL, messages="Hello", max_cost_usd=budget.left)
    print(budget.limit.usd, budget.spent.nanousd, budget.spent <= budget.limit)
    return max(budget.spent, budget.left)


def account(client: tollway.Tollway) -> None:
    credit = client.credits.get()
    assert_type(credit, tollway.Credits)
    assert_type(credit.available + credit.remaining, tollway.Money)
    for grant in credit.grants:
        assert_type(grant, tollway.Grant)
        print(grant.amount, grant.kind, grant.expires_at)
    receipt = client.receipts.get("req_1")
    assert_type(receipt, tollway.Receipt)
    assert_type(receipt.usage, tollway.ReceiptUsage)
    for line in receipt.lines:
        assert_type(line, tollway.ReceiptLine)
        print(line.token_class, line.tokens, line.cost, receipt.cost)
    since = datetime(2026, 11, 1, tzinfo=UTC)
    page = client.receipts.list(
        since=since, until="2026-12-01T00:00:00Z", model=MODEL, key_id="k", limit=5, after="r"
    )
    assert_type(page, tollway.Page[tollway.Request])
    print(len(page), page.has_more, page.last_id, page.data, [request.cost for request in page])
    for request in client.receipts.iterate(since=since):
        assert_type(request, tollway.Request)
    grouping: tollway.GroupBy = "day"
    rows = client.usage.list(grouping, since, None, model=MODEL, key_id="k", limit=9, after="2026-11-02")
    assert_type(rows, tollway.Page[tollway.UsageRow])
    print([(row.day, row.cost) for row in rows])
    models = client.models.list()
    assert_type(models, list[tollway.Model])
    print([(model.id, model.max_context_length, model.capabilities.get("vision")) for model in models])


def keys(client: tollway.Tollway) -> None:
    made = client.keys.create("jobs", cap_day_usd=2, cap_month_usd="20", cap_total_usd=None)
    assert_type(made, tollway.NewKey)
    may: tollway.KeyMay = {"scopes": ["chat", "usage:read"], "models": None, "ips": ["10.0.0.0/8"]}
    client.keys.create("night", may={**may, "expires_at": datetime.now(UTC)})
    client.keys.change(made.id, may={"expires_at": None})
    print(made.scopes, made.models, made.ips, made.expires_at, made.previous_until, made.last_used_at)
    changed = client.keys.change(made.id, name="more jobs", cap_day_usd=None, cap_total_usd=tollway.Money(5))
    assert_type(changed, tollway.Key)
    limits = client.keys.set_limits(made.id, requests_per_minute=60, concurrency=None)
    assert_type(limits, tollway.Limits)
    counts: tollway.LimitCounts = client.keys.limits(made.id).used
    own: tollway.OwnLimits = client.limits.get().own
    print(counts.requests, own.concurrency)
    assert_type(client.keys.rotate(made.id).key, str)
    assert_type(client.keys.revoke(made.id), tollway.Key)
    assert_type(client.keys.list(), list[tollway.Key])
    client.close()


def refusals(client: tollway.Tollway) -> str:
    try:
        client.credits.get()
    except tollway.KeyCapReached as error:
        return f"{error.needed} {error.available}"
    except (tollway.InsufficientCredits, tollway.BudgetExceeded) as error:
        assert_type(error.needed, tollway.Money | None)
        return str(error.available)
    except tollway.ContextTooLong as error:
        assert_type(error.limit, int | None)
        return f"{error.tokens} {error.limit}"
    except (tollway.BadRequest, tollway.AuthenticationFailed, tollway.PermissionDenied) as error:
        return f"{error.code} {error.param} {error.type}"
    except (tollway.NotFound, tollway.Conflict, tollway.RequestTooLarge, tollway.ServerError) as error:
        assert_type(error.status_code, int)
    return ""


def other_errors(client: tollway.Tollway) -> str:
    try:
        client.credits.get()
    except tollway.RateLimited as error:
        assert_type(error.retry_after_s, float | None)
    except tollway.APIStatusError as error:
        return str(error.status_code)
    except tollway.APITimeoutError:
        return "late"
    except tollway.APIConnectionError as error:
        return f"{error.reached} {error.passing}"
    except tollway.StreamInterrupted as error:
        return str(error.request_id)
    except tollway.TollwayError as error:
        return error.message
    return ""


def fields() -> tuple[tollway.ChatFields, tollway.FimFields, tollway.EmbeddingsFields, tollway.PromptFields]:
    """The same fields for many requests."""
    return (
        {"model": MODEL, "messages": "Hello", "max_tokens": 5},
        {"model": "codestral-2508", "prompt": "def f(", "suffix": "return x"},
        {"model": "mistral-embed-2312", "input": "a"},
        {"model": MODEL, "messages": "Hello", "timeout_s": 1.0},
    )


def with_fields(client: tollway.Tollway) -> None:
    for_chat, for_fim, for_embeddings, for_prompt = fields()
    client.chat.complete(**for_chat)
    client.fim.complete(**for_fim)
    client.embeddings.create(**for_embeddings)
    client.tokenize(**for_prompt)
