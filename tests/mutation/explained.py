"""The mutants that docs/mutation.md explains.  mutmut's numbers change with every edit; a line and its change do not."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs/mutation.md"

_CELL = re.compile(r"(?<!\\)\|")
_NAME = re.compile(r"\.x(?:_|ǁ)(?P<function>.+)__mutmut_[0-9]+")


class Mutant(NamedTuple):
    file: str
    function: str
    line: str
    mutated: str

    def row(self, why: str) -> str:
        """As docs/mutation.md has it."""
        cells = [cell.replace("|", r"\|") for cell in self]
        return f"| `{'` | `'.join(cells)}` | {why} |"


def mutant_of(name: str, diff: str) -> Mutant:
    """What mutmut calls `gateway.credit.purse.xǁPurseǁadd__mutmut_11`, and its unified diff."""
    function = _NAME.search(name)
    assert function is not None, name
    file, lines = "", {"-": "", "+": ""}
    for line in diff.splitlines():
        if line.startswith("--- "):
            file = line[4:].strip()
        elif line[:1] in lines and not line.startswith("+++ "):
            lines[line[0]] += f" {line[1:].strip()}"
    assert file, diff
    return Mutant(file, function["function"].replace("ǁ", "."), lines["-"].strip(), lines["+"].strip())


def explained() -> list[Mutant]:
    """The table's rows; each ends in why, and a row without a reason is not an explanation."""
    found = []
    for line in DOCUMENT.read_text("utf-8").splitlines():
        if not line.startswith("| `gateway/"):
            continue
        *cells, why = (cell.strip() for cell in _CELL.split(line)[1:-1])
        assert len(cells) == 4 and len(why) > 10, line
        found.append(Mutant(*(cell.strip("`").replace(r"\|", "|") for cell in cells)))
    return found
