"""How long the server takes for each page of a seeded ledger: `python -m tests.bench.pages --data-dir DIR` (tests/bench/seed.py).

Every GET of a page and of the API, asked again and again by an operator and by the account with the most requests; in
milliseconds, from the request to the last byte, on one machine with its client: the least, the middle and the most of
several times.
"""

import re
import statistics
import sys
import time
from typing import Any

import msgspec

from gateway.keys.create import create_key
from gateway.kit.clock import DAY_US, rfc3339
from gateway.metering.store import list_events
from gateway.metering.types import Selection
from gateway.start import key_secret
from tests.bench.seed import Seeded, arguments, ledger_of, roll_all
from tests.bench.traffic import MODELS
from tests.dashboard.browsing import signed_in
from tests.dashboard.test_plans import addresses
from tests.fixtures.running import RunningGateway

ROUNDS = 7
LIMIT_MS = 300


def main() -> None:
    args = arguments(__doc__).parse_args()
    with ledger_of(args) as (settings, database):
        roll_all(database)
        seeded = msgspec.json.decode((args.data_dir / "seed.json").read_bytes(), type=Seeded)
        with RunningGateway(
            args.data_dir, database_url=settings.database_url, first_byte_timeout_s=60.0
        ) as gateway:
            slow = measure(gateway, seeded)
    print(f"{slow} of them took {LIMIT_MS} ms or more")
    sys.exit(1 if slow else 0)


def measure(gateway: RunningGateway, seeded: Seeded) -> int:
    """Prints a line for each address; returns how many are too slow."""
    clients, names = who_asks(gateway, seeded)
    slow = 0
    for who, address in addresses(gateway):
        wanted = re.sub(r"{(\w+)(:\w+)?}", lambda found: names.get(found[1], "none"), address)
        times = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            status = clients[who].get(wanted).status_code
            times.append((time.perf_counter() - began) * 1e3)
        slow += (middle := statistics.median(times)) >= LIMIT_MS
        print(
            f"{min(times):7.0f} {middle:7.0f} {max(times):7.0f} ms  {status}  {who:9} {address}", flush=True
        )
    return slow


def who_asks(gateway: RunningGateway, seeded: Seeded) -> tuple[dict[str, Any], dict[str, str]]:
    """Clients by who they are, and what stands for the names in an address."""
    huge, end_us = seeded.owners[0], seeded.plan.end_us
    secret = key_secret(gateway.settings)
    _, key = gateway.database.write_now(
        lambda conn: create_key(
            conn, kind="account", account_id=huge.account_id, name="bench", key_secret=secret
        )
    )
    chosen = Selection(account_id=huge.account_id, until_us=end_us - seeded.plan.days // 2 * DAY_US)
    [event] = gateway.database.read_now(lambda conn: list_events(conn, chosen, limit=1))
    clients = {
        "page": signed_in(gateway, f"bench-{event.request_id[-6:]}-{key[-6:]}@example.com", operator=True),
        "customer": gateway.api(key), "operator": gateway.api(gateway.operator()),
    }  # fmt: skip
    names = {
        "account_id": huge.account_id, "name": "seed-00000", "key_id": huge.key_ids[-1], "request_id": event.request_id,
        "month": rfc3339(end_us - 32 * DAY_US)[:7], "model": list(MODELS)[-1], "day": rfc3339(end_us - DAY_US)[:10],
        "hour": rfc3339(end_us // DAY_US * DAY_US - 20 * DAY_US),
    }  # fmt: skip
    return clients, names


if __name__ == "__main__":
    main()
