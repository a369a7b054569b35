"""A user's mistakes.  Never run: both type checkers have to complain of every line that says `wrong`, and of no other."""
# pyright: strict

from dataclasses import dataclass

import tollway
from tollway.admin import Admin

M = "magistral-small-2509"


@dataclass
class Reading:
    kwh: int


def fields(client: tollway.Tollway) -> None:
    client.chat.complete(model=M, messages="Hello", max_token=5)  # wrong: there is no such field
    client.chat.complete(messages="Hello")  # wrong: model is missing
    client.chat.complete(M, "Hello")  # wrong: fields have names
    client.chat.complete(model=M, messages="Hello", temperature="hot")  # wrong: a number
    client.chat.complete(model=M, messages=["Hello"])  # wrong: a message is no text
    client.chat.complete(model=M, messages="Hello", tools=["toll"])  # wrong: a tool is no name
    client.chat.complete(model=M, messages="Hello", stream=True)  # wrong: that is another method
    client.fim.complete(model=M, messages="Hello")  # wrong: prompt
    client.embeddings.create(model=M, input=5)  # wrong: texts
    client.usage.list(group_by="hour")  # wrong: key, model or day
    client.receipts.list(5)  # wrong: limit has a name
    client.keys.create(cap_day_usd=2)  # wrong: a key has a name
    client.estimate(model=M, messages="Hello", offline=True, card=M)  # wrong: a card is no name
    tollway.image(5)  # wrong: no picture


def answers(client: tollway.Tollway) -> None:
    answer = client.chat.complete(model=M, messages="Hello")
    print(answer.txt)  # wrong: text
    print(answer.cost + 1)  # wrong: dollars or nano-dollars?
    print(answer.cost > 0.5)  # wrong: likewise
    answer.request_id = "mine"  # wrong: an answer is frozen
    reading = client.chat.parse(Reading, model=M, messages="42 kWh")
    print(reading.kwh)  # wrong: it is reading.value's
    print(reading.value.mwh)  # wrong: kwh
    print(client.estimate(model=M, messages="Hello").cost_max.usd)  # wrong: it may be None
    for event in client.chat.stream(model=M, messages="Hello"):
        print(event.text)  # wrong: not every event has one
    for row in client.usage.list():
        print(row.tokens)  # wrong: input_tokens
    with client.budget(usd=None):  # wrong: an amount
        print(tollway.Money("0.50"))  # wrong: Money.from_usd


async def waiting(client: tollway.AsyncTollway) -> None:
    client.chat.complete(model=M, messages="Hello")  # wrong: await is missing, so nothing is sent
    print(client.chat.complete(model=M, messages="Hello").text)  # wrong: likewise
    for _ in client.chat.stream(model=M, messages="Hello"):  # wrong: async for
        break
    with client.chat.stream(model=M, messages="Hello"):  # wrong: async with
        pass
    async with client.budget("0.50"):  # wrong: a plain with
        pass
    await client.keys.change("key_1", cap="5")  # wrong: cap_day_usd
    answer = await client.chat.complete(model=M, messages="Hello")
    tollway.run_tools_async(answer, [])  # wrong: await is missing


def untyped(answer):  # wrong: only strictness wants a type here
    pass


def operating(admin: Admin) -> None:
    admin.accounts.grant("acme")  # wrong: how much
    admin.accounts.grant("acme", 1, kind="gift")  # wrong: a kind there is
    admin.keys.create(name="ci")  # wrong: whose
    admin.keys.change("key_1", policy="fastest")  # wrong: a policy there is
    admin.usage.list("team")  # wrong: account, key, model or day
    admin.workers.change("w", cordoned="yes")  # wrong: True or False
