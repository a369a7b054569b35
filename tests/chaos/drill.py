"""The overspend drill: a thousand requests at once over four processes, on an account that affords a hundred.

    python -m tests.chaos.drill [--requests 1000] [--backend sqlite|postgresql|both]

Five times: on the account's balance, on a key's cap, on the budget of a project with three keys, with a volume discount
beginning in the middle, and with streams that outgrow their hold.  Exactly what is affordable is served, the rest get 402, and the balance ends at what the receipts say.
Exit status 1 if not.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import msgspec

from gateway.kit.clock import now_us
from gateway.metering.audit import audit
from gateway.metering.commit import release_dead
from gateway.metering.store import walk_chain
from gateway.metering.types import UsageEvent
from tests.chaos.fleet import Fleet
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.running import chat
from tests.fixtures.scripted import ScriptedWorker

PROCESSES = 4
AFFORDED = 100
OUTPUT = 50
TEXT = f"ok tokens={OUTPUT} delay=0.002"
PAYMENT_REQUIRED = 402
BOOK = """
version = 1000
effective_from = 2026-01-01T00:00:00Z
[grants]
sign_up_usd = "0"
monthly_free_usd = "0"
[[tiers]]
up_to_tokens = {boundary}
discount_percent = 0
[[tiers]]
discount_percent = 50
[[models]]
id = "magistral-small-2509"
owned_by = "mistralai"
created = 0
context_tokens = 131072
tokenizer = "tekken-v13"
usd_per_mtok = {{ input = "0.20", output = "0.60" }}
"""


class Drill(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked, and what must come of it.  `afforded`: how many, or at least how many, are served whole."""

    name: str
    boundary: int = 10**9
    capped: str = ""
    body: dict[str, Any] = {}
    stream_hold_tokens: int = 4096
    exact: bool = True


DRILLS = (
    Drill(name="the balance"),
    Drill(name="a key's cap", capped="key"),
    Drill(name="a project's budget", capped="project"),
    Drill(name="a tier boundary in the middle", boundary=AFFORDED * OUTPUT // 2, exact=False),
    Drill(name="streams that outgrow their hold", body={"stream": True}, stream_hold_tokens=16, exact=False),
)


async def rush(fleet: Fleet, keys: list[str], body: dict[str, Any], requests: int) -> Counter[int]:
    """All at once; then one after another until the credit is really gone."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    seen: Counter[int] = Counter()
    async with httpx.AsyncClient(timeout=120, limits=limits, trust_env=False, verify=False) as api:

        async def ask(number: int) -> int:
            url = f"http://127.0.0.1:{fleet.ports[number % len(fleet.ports)]}/v1/chat/completions"
            headers = {"authorization": f"Bearer {keys[number % len(keys)]}"}
            status = (await api.post(url, json=body, headers=headers)).status_code
            seen[status] += 1
            return status

        await asyncio.gather(*(ask(number) for number in range(requests)))
        late = 0
        while await ask(late) != PAYMENT_REQUIRED:
            late += 1
        seen[-1] = late
    return seen


def prompt_tokens(fleet: Fleet, key: str, body: dict[str, Any]) -> int:
    answer = httpx.post(
        f"http://127.0.0.1:{fleet.ports[0]}/v1/tokenize",
        json=body, headers={"authorization": f"Bearer {key}"}, trust_env=False, timeout=60,
    )  # fmt: skip
    return int(answer.json()["prompt_tokens"])


def run(drill: Drill, url: str, worker: ScriptedWorker, requests: int) -> list[str]:
    """What is wrong, in words; prints the figures."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        book = Path(folder) / "book.toml"
        book.write_text(BOOK.format(boundary=drill.boundary))
        fleet = Fleet(
            Path(folder), url, PROCESSES, worker.url, usd=1, price_book=book, stream_hold_tokens=drill.stream_hold_tokens
        )  # fmt: skip
        try:
            body = chat(TEXT, max_tokens=OUTPUT, **drill.body)
            prompt = prompt_tokens(fleet, fleet.key, body)
            body["messages"][0]["content"] = TEXT + f" prompt={prompt}"
            prompt = prompt_tokens(fleet, fleet.key, body)
            body["messages"][0]["content"] = TEXT + f" prompt={prompt}"
            cost = prompt * 200 + OUTPUT * 600
            limit = AFFORDED * cost
            keys = fleet.drill_keys(limit, capped=drill.capped)
            seen = asyncio.run(rush(fleet, keys, body, requests))
            fleet.stop()
            problems = examine(fleet, drill, seen, cost, limit)
        finally:
            fleet.stop()
            fleet.close()
    print(f"  {drill.name}: {dict(seen)} in {time.monotonic() - begun:.0f} s")
    return [f"{drill.name}: {problem}" for problem in problems]


def examine(fleet: Fleet, drill: Drill, seen: Counter[int], cost: int, limit: int) -> list[str]:
    later = now_us() + 10**9
    fleet.database.write_now(lambda conn: release_dead(conn, later))
    report = fleet.database.read_now(lambda conn: audit(conn, later))
    events: list[UsageEvent] = [
        event for event, _ in fleet.database.read_now(lambda conn: list(walk_chain(conn, fleet.drilled_id)))
    ]
    spent = sum(event.cost_nanousd for event in events)
    problems = [f"{d.where}: {d.problem}" for d in report.differences]
    if set(seen) - {-1} != {200, PAYMENT_REQUIRED}:
        problems.append(f"other answers than 200 and 402: {dict(seen)}")
    if drill.exact and (seen[200] != AFFORDED or spent != limit):
        problems.append(
            f"{AFFORDED} requests of {cost} were affordable; {seen[200]} were served, for {spent}"
        )
    if spent > limit or limit - spent >= cost:
        problems.append(f"{limit} were there and {spent} were spent: the next request costs {cost}")
    if len([event for event in events if event.cost_nanousd]) != seen[200]:
        problems.append("not every answer has its bill")
    print(f"  {drill.name}: ${limit / 10**9:.6f} there, ${spent / 10**9:.6f} spent by {seen[200]} requests")
    return problems


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--requests", type=int, default=1000)
    options.add_argument("--backend", choices=("sqlite", "postgresql", "both"), default="both")
    chosen = options.parse_args()
    problems: list[str] = []
    for backend in ("sqlite", "postgresql") if chosen.backend == "both" else (chosen.backend,):
        print(
            f"{backend}: {chosen.requests} requests at once over {PROCESSES} processes, {AFFORDED} of them affordable"
        )
        postgres = PostgresServer() if backend == "postgresql" else None
        with ScriptedWorker(kind="vllm") as worker:
            for drill in DRILLS:
                url = postgres.create_database() if postgres else ""
                problems += [f"{backend}: {each}" for each in run(drill, url, worker, chosen.requests)]
        if postgres:
            postgres.stop()
    for problem in problems[:50]:
        print(f"WRONG {problem}")
    print("nobody overspent" if not problems else f"{len(problems)} problems")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
