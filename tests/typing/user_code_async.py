"""`user_code.py` for asyncio."""
# pyright: strict

import asyncio
from dataclasses import dataclass
from typing import Any, assert_type

import tollway

MODEL = "magistral-small-2509"


@dataclass
class Reading:
    kwh: int


def toll(axles: int) -> str:
    """The toll for a vehicle."""
    return f"${axles * 3}.00"


async def weather(place: str) -> str:
    """Today's weather."""
    return f"rain in {place}"


async def waiting(client: tollway.AsyncTollway) -> None:
    answer = await client.chat.complete(model=MODEL, messages="Hello", tools=[weather])
    assert_type(answer, tollway.ChatCompletion)
    assert_type(await tollway.run_tools_async(answer, [weather, toll]), list[dict[str, Any]])
    async with client.chat.stream(model=MODEL, messages="Hello") as stream:
        assert_type(stream, tollway.AsyncChatStream)
        async for event in stream:
            assert_type(event, tollway.StreamEvent)
        assert_type(stream.request_id, str)
    begun = await client.fim.stream(model="codestral-2508", prompt="def f(")
    async for text in begun.text_deltas():
        assert_type(text, str)
    assert_type(await begun.final(), tollway.ChatCompletion)
    await begun.close()
    assert_type(await client.chat.parse(Reading, model=MODEL, messages="42 kWh"), tollway.Parsed[Reading])
    assert_type(await client.fim.complete(model="codestral-2508", prompt="def f("), tollway.ChatCompletion)
    assert_type(await client.embeddings.create(model="mistral-embed-2312", input="a"), tollway.Embeddings)
    assert_type(await client.tokenize(model=MODEL, messages="Hello"), tollway.Tokenized)
    with client.budget("0.50") as budget:
        many = await asyncio.gather(
            *(client.chat.complete(model=MODEL, messages=str(n), max_cost_usd="0.01") for n in range(9))
        )
    assert_type(many, list[tollway.ChatCompletion])
    print(budget.spent)


async def waiting_for_the_account(client: tollway.AsyncTollway) -> None:
    assert_type(await client.estimate(model=MODEL, messages="Hello", offline=True), tollway.Estimate)
    assert_type(await client.models.list(), list[tollway.Model])
    assert_type(await client.models.get(MODEL), tollway.Model)
    assert_type(await client.credits.get(), tollway.Credits)
    assert_type(await client.receipts.get("req_1"), tollway.Receipt)
    assert_type(await client.receipts.list(limit=5), tollway.Page[tollway.Request])
    async for request in client.receipts.iterate(model=MODEL):
        assert_type(request, tollway.Request)
    assert_type(await client.usage.list(group_by="model"), tollway.Page[tollway.UsageRow])
    made = await client.keys.create("jobs", cap_day_usd=0.5)
    assert_type(made, tollway.NewKey)
    assert_type(await client.keys.change(made.id, cap_month_usd=None), tollway.Key)
    assert_type(await client.keys.set_limits(made.id, concurrency=2), tollway.Limits)
    print(await client.keys.limits(made.id), await client.limits.get())
    assert_type(await client.keys.rotate(made.id), tollway.NewKey)
    assert_type(await client.keys.revoke(made.id), tollway.Key)
    assert_type(await client.keys.list(), list[tollway.Key])
    await client.close()


def projects(client: tollway.Tollway) -> str:
    """Blocking, beside the same for asyncio."""
    made = client.projects.create("indexing", cap_month_usd="50")
    assert_type(client.projects.change(made.id, cap_day_usd=5, archived=False), tollway.Project)
    assert_type(client.projects.list()[0].spent_month, tollway.Money)
    assert_type(made.spent_day, tollway.Money)
    try:
        return str(made.spent_total)
    except tollway.ProjectCapReached as error:
        return f"{error.project_id} {error.window} {error.cap} {error.resets_at}"


async def waiting_for_projects(client: tollway.AsyncTollway) -> None:
    made = await client.projects.create("indexing", cap_total_usd="50")
    assert_type(await client.projects.change(made.id, name="search"), tollway.Project)
    assert_type(await client.projects.list(), list[tollway.Project])


def payments(client: tollway.Tollway) -> None:
    ordered = client.credits.top_up(25)
    assert_type(ordered, tollway.TopUp)
    print(ordered.url, client.credits.top_ups(limit=5))
    rule = client.credits.set_auto_top_up(below_usd=5, amount_usd="20", daily_max_usd=40)
    assert_type(rule, tollway.AutoTopUp)
    assert_type(client.credits.auto_top_up(), tollway.AutoTopUp | None)
    client.credits.remove_auto_top_up()
    for invoice in client.invoices.list(limit=3):
        assert_type(invoice, tollway.Invoice)
        print(explained(*client.invoices.get(invoice.id).lines))


def explained(*lines: tollway.InvoiceLine) -> list[str]:
    return [f"{line.kind} {line.amount_usd}" for line in lines]


def alerts(client: tollway.Tollway) -> None:
    made = client.alerts.create("spent_month", "500", thresholds=[50, 100])
    assert_type(made, tollway.Alert)
    assert_type(client.alerts.list(), list[tollway.Alert])
    client.alerts.remove(made.id)


def parts(detail: tollway.UsageDetail) -> list[tollway.UsageLine]:
    assert_type(detail.unsplit_cost, tollway.Money)
    return list(detail.lines)


async def waiting_for_payments(client: tollway.AsyncTollway) -> None:
    assert_type(await client.credits.top_up("25"), tollway.TopUp)
    print(await client.credits.top_ups())
    await client.credits.set_auto_top_up(below_usd=5, amount_usd=20, daily_max_usd=40)
    assert_type(await client.credits.auto_top_up(), tollway.AutoTopUp | None)
    await client.credits.remove_auto_top_up()
    found = await client.invoices.list()
    assert_type(await client.invoices.get(found.data[0].id), tollway.Invoice)
    made = await client.alerts.create("anomaly")
    print(await client.alerts.list(), await client.alerts.remove(made.id))


async def main() -> None:
    async with tollway.AsyncTollway() as client:
        await asyncio.gather(waiting(client), waiting_for_the_account(client), waiting_for_payments(client))
