"""Change the arithmetic of money in every small way that mutmut knows, and see that a test notices.

    python -m tests.mutation [--jobs N]

Exit status 1 if the tests do not notice a change and docs/mutation.md does not say why, or if it explains a change
that they do notice.  Which files, and which tests: `[tool.mutmut]` in pyproject.toml.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections import Counter

from tests.mutation.explained import DOCUMENT, ROOT, Mutant, explained, mutant_of

SCRATCH = ROOT / "mutants"
"""mutmut's own choice: the mutated program, the tests, and the results."""


def mutmut(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "mutmut", *arguments],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"{done.stdout}\nmutmut {' '.join(arguments)} failed: do the tests pass without it?")
    return done.stdout


def survivors() -> list[Mutant]:
    """Whatever was not killed: also what no test reaches, and what ran out of time."""
    names = [line.split(": ")[0].strip() for line in mutmut("results").splitlines() if "__mutmut_" in line]
    return [mutant_of(name, mutmut("show", name)) for name in names]


def report(alive: list[Mutant]) -> bool:
    mutmut("export-cicd-stats")
    counts = json.loads((SCRATCH / "mutmut-cicd-stats.json").read_text("utf-8"))
    known = Counter(explained())
    unexplained, stale = Counter(alive) - known, known - Counter(alive)
    for mutant in unexplained.elements():
        print(f"survived, and nobody says why:\n{mutant.row('?')}")
    for mutant in stale.elements():
        print(f"{DOCUMENT.relative_to(ROOT)} explains what does not survive:\n{mutant.row('…')}")
    print(
        f"{counts['total']} mutants: {counts['killed']} killed, {len(alive)} survived,"
        f" of which {len(alive) - unexplained.total()} are explained in {DOCUMENT.relative_to(ROOT)}"
    )
    return counts["killed"] > 0 and not unexplained and not stale


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at once")
    jobs = parser.parse_args().jobs
    shutil.rmtree(SCRATCH, ignore_errors=True)  # mutmut would keep results of other tests than today's
    print("mutating, which takes about a minute …", flush=True)
    mutmut("run", "--max-children", str(jobs))
    return 0 if report(survivors()) else 1


if __name__ == "__main__":
    sys.exit(main())
