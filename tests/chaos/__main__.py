"""Kill gateways, and the database, at random under load; then look at what clients saw and what the ledger says.

    python -m tests.chaos [--kills 200] [--backend sqlite|postgresql|both]

While it goes on, the whole ledger is audited again and again.  Exit status 1 if an answer that a client saw completed is
not billed exactly once, if anybody overspent at any audit, or if the audit finds a difference.
"""

import argparse
import random
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx

from gateway.credit.give import give
from gateway.errors import StorageUnavailable
from gateway.kit.clock import now_us
from gateway.metering.audit import audit
from gateway.metering.commit import release_dead
from gateway.metering.store import walk_chain
from gateway.metering.types import UsageEvent
from tests.chaos.fleet import Fleet
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.running import chat
from tests.fixtures.scripted import ScriptedWorker

CLIENTS = 12
PROCESSES = {"sqlite": 2, "postgresql": 3}
DATABASE_KILL_EVERY = 10
SCRIPTS = (
    "ok tokens=6 prompt=10 delay=0.004",
    "ok tokens=3 prompt=20",
    "die after=2",
    "bad_status status=500",
)
USD = 1_000


class Customers:
    """Clients that never stop asking; what they saw completed, and what it cost by the answer's own word."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self.completed: dict[str, int] = {}
        self.broken = 0
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(CLIENTS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int) -> None:
        dice = random.Random(number)
        while not self._stopping.is_set():
            stream = dice.random() < 0.5
            body = chat(
                dice.choice(SCRIPTS),
                stream=stream,
                **({"stream_options": {"include_usage": True}} if stream else {}),
            )
            try:
                with self._fleet.client(dice.choice(self._fleet.ports)) as api:
                    answer = api.post("/v1/chat/completions", json=body)
            except httpx.TransportError:
                with self._lock:
                    self.broken += 1
                time.sleep(0.02)
                continue
            self._note(answer, stream=stream)

    def _note(self, answer: httpx.Response, *, stream: bool) -> None:
        whole = answer.text.endswith("data: [DONE]\n\n") if stream else True
        if answer.status_code != httpx.codes.OK or not whole:
            return
        cost = int(answer.text.rpartition('"cost_nanousd":')[2].partition(",")[0].rstrip("}"))
        with self._lock:
            assert answer.headers["x-request-id"] not in self.completed
            self.completed[answer.headers["x-request-id"]] = cost


class Auditor:
    """Audits the running ledger every second: P1 and every identity hold at each instant, not only at the end."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.audits = 0
        self.problems: list[str] = []

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(1):
            try:
                # Dead processes are no finding here: they are given a minute, and their sweeper may be dead as well.
                report = self._fleet.database.read_now(lambda conn: audit(conn, 0))
            except StorageUnavailable:
                continue  # the database was just killed
            self.audits += 1
            self.problems += [f"while running: {d.where}: {d.problem}" for d in report.differences]


def run(backend: str, kills: int) -> list[str]:
    """What is wrong, in words; prints the figures."""
    postgres = PostgresServer() if backend == "postgresql" else None
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, ScriptedWorker(kind="vllm") as worker:
        url = postgres.create_database() if postgres else ""
        fleet = Fleet(Path(folder), url, PROCESSES[backend], worker.url, usd=USD)
        customers = Customers(fleet)
        auditor = Auditor(fleet)
        customers.start()
        auditor.start()
        try:
            database_kills = kill(fleet, postgres, kills)
        finally:
            customers.stop()
            auditor.stop()
            fleet.stop()
        problems = [*auditor.problems, *examine(fleet, customers)]
        seconds = time.monotonic() - begun
        print(
            f"{backend}: {kills} kills ({database_kills} of the database) in {seconds:.0f} s, {PROCESSES[backend]} processes,"
            f" {auditor.audits} audits meanwhile"
        )
        fleet.close()
    if postgres is not None:
        postgres.stop()
    return problems


def kill(fleet: Fleet, postgres: PostgresServer | None, kills: int) -> int:
    """Kills at random moments; returns how often it was the database."""
    database_kills = 0
    for number in range(1, kills + 1):
        time.sleep(random.uniform(0.3, 1.8))
        if postgres is not None and number % DATABASE_KILL_EVERY == 0:
            postgres.crash()
            database_kills += 1
        else:
            fleet.kill_one(signal.SIGKILL)
    time.sleep(3)
    return database_kills


def examine(fleet: Fleet, customers: Customers) -> list[str]:
    later = now_us() + int(fleet.settings.lease_ttl_s * 2_000_000)
    expired = fleet.database.write_now(lambda conn: release_dead(conn, later))
    report = fleet.database.read_now(lambda conn: audit(conn, later))
    events = {
        e.request_id: e
        for e, _ in fleet.database.read_now(lambda conn: list(walk_chain(conn, fleet.account_id)))
    }
    problems = [f"{d.where}: {d.problem}" for d in report.differences]
    for request_id, cost in customers.completed.items():
        event = events.get(request_id)
        if event is None:
            problems.append(f"{request_id}: seen complete, and not billed")
        elif event.cost_nanousd != cost:
            problems.append(f"{request_id}: the answer said {cost}, the ledger {event.cost_nanousd}")
    doubtful = [
        e for e in events.values() if e.outcome == "completed" and e.request_id not in customers.completed
    ]
    print(
        f"  {len(customers.completed):,} answers seen complete and billed once; {customers.broken:,} connections broken;"
        f" {len(events):,} events; {expired} dead processes cleared up after"
    )
    print(
        f"  {len(doubtful)} in doubt: durable, but their last byte had not left; refunded, as the policy says:"
    )
    for event in doubtful:
        print(f"    {event.request_id} {event.cost_nanousd} nanousd")
        refund(fleet, event)
    report = fleet.database.read_now(lambda conn: audit(conn, later))
    problems += [f"{d.where}: {d.problem}" for d in report.differences]
    print(f"  the audit: {report.events:,} events, {len(report.differences)} differences")
    return problems


def refund(fleet: Fleet, event: UsageEvent) -> None:
    """As an operator does: a correction that names the receipt.  The receipt itself stays what it was."""
    reason = f"refund of {event.request_id}: its last byte did not leave"
    fleet.database.write_now(
        lambda conn: give(conn, event.account_id, event.cost_nanousd, kind="correction", reason=reason)
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--kills", type=int, default=200)
    options.add_argument("--backend", choices=("sqlite", "postgresql", "both"), default="both")
    chosen = options.parse_args()
    problems = []
    for backend in ("sqlite", "postgresql") if chosen.backend == "both" else (chosen.backend,):
        problems += run(backend, chosen.kills)
    for problem in problems[:50]:
        print(f"WRONG {problem}")
    print("every bill is right" if not problems else f"{len(problems)} problems")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
