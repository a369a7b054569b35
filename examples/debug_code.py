"""Debugging: the model reads a failing Python file and its traceback, and writes the file again until it runs.

    python examples/debug_code.py [FILE] [--model MODEL] [--budget USD]

The file is its own check: it is right when it runs without an exception.  What the model writes is run on this machine,
in an empty folder and without your environment, but in no sandbox.
"""

import argparse
import difflib
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import tollway

ROUNDS_MAX = 3
RUN_TIMEOUT_S = 10


@dataclass
class Fix:
    """What the model answers."""

    explanation: str
    source: str


def failure_of(source: str) -> str:
    """Runs a program: how it failed, or nothing."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "program.py"
        file.write_text(source, "utf-8")
        command = [sys.executable, "-I", str(file)]
        try:
            done = subprocess.run(  # noqa: S603 - running it is the point
                command,
                cwd=folder,
                env={},
                capture_output=True,
                text=True,
                timeout=RUN_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"it still ran after {RUN_TIMEOUT_S} seconds"
    return (done.stderr or f"exit status {done.returncode}") if done.returncode else ""


def mend(client: tollway.Tollway, model: str, source: str) -> str:
    """The program as it runs; exits where it still fails after some rounds."""
    failure = failure_of(source)
    task = "This Python file fails. Say in one sentence why, and write the whole file again, corrected."
    messages = [tollway.user(f"{task}\n\n```python\n{source}```\n\n{failure}")]
    for number in range(1, ROUNDS_MAX + 1):
        fix = client.chat.parse(Fix, model=model, messages=messages, max_tokens=4000)
        print(f"round {number} ({fix.cost}): {fix.value.explanation}")
        failure = failure_of(fix.value.source)
        if not failure:
            return fix.value.source
        messages += [fix.as_message(), tollway.user(f"It still fails:\n\n{failure}")]
    sys.exit(f"it still fails after {ROUNDS_MAX} rounds:\n{failure}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Mend a failing Python file.")
    parser.add_argument("file", nargs="?", type=Path, default=Path(__file__).parent / "data/tolls.py")
    parser.add_argument("--model", default="magistral-small-2509")
    parser.add_argument("--budget", default="0.05", type=tollway.Money.from_usd, help="US dollars (0.05)")
    args = parser.parse_args()
    source = args.file.read_text("utf-8")
    with tollway.Tollway() as client, client.budget(args.budget) as budget:
        try:
            mended = mend(client, args.model, source)
            before, after = source.splitlines(keepends=True), mended.splitlines(keepends=True)
            print("\n" + "".join(difflib.unified_diff(before, after, args.file.name, "mended")))
        finally:
            print(f"cost {budget.spent} of at most {budget.limit}")


if __name__ == "__main__":
    try:
        main()
    except (tollway.TollwayError, OSError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
