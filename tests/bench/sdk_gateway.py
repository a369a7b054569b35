"""A real gateway and a scripted worker for the SDK's bench, in a process of their own: `python -m tests.bench.sdk_gateway`.

Says its URL and a key on stderr (its log has stdout), and serves until its standard input ends.
"""

import json
import sys
import tempfile
from pathlib import Path

from tests.fixtures.running import RunningGateway
from tests.fixtures.scripted import ScriptedWorker


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        ScriptedWorker(kind="vllm") as worker,
        RunningGateway(Path(folder), worker.url) as gateway,
    ):
        print(
            json.dumps({"url": gateway.url, "key": gateway.account("bench", "1000")}),
            file=sys.stderr,
            flush=True,
        )
        sys.stdin.read()


if __name__ == "__main__":
    main()
