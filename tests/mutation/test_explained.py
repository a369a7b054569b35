"""`make mutation` runs for a minute; these say at once whether what docs/mutation.md explains is still there."""

import pytest

from tests.mutation.explained import ROOT, Mutant, explained, mutant_of

DIFF = """\
# gateway.credit.purse.xǁPurseǁadd__mutmut_11: survived
--- gateway/credit/purse.py
+++ gateway/credit/purse.py
@@ -1,3 +1,3 @@
     def add(self):
-        return a | b
+        return a & b
"""


@pytest.mark.parametrize(
    "mutant", explained(), ids=lambda mutant: f"{mutant.function}: {mutant.mutated[:40]}"
)
def test_what_is_explained_is_in_the_program(mutant: Mutant) -> None:
    text = (ROOT / mutant.file).read_text("utf-8")
    assert mutant.line in {line.strip() for line in text.splitlines()}
    assert f"def {mutant.function.rpartition('.')[2]}(" in text
    assert mutant.mutated != mutant.line


def test_a_mutant_is_known_by_its_line_and_its_change() -> None:
    mutant = mutant_of("gateway.credit.purse.xǁPurseǁadd__mutmut_11", DIFF)
    assert mutant == Mutant("gateway/credit/purse.py", "Purse.add", "return a | b", "return a & b")
    assert mutant.row("why") == (
        r"| `gateway/credit/purse.py` | `Purse.add` | `return a \| b` | `return a & b` | why |"
    )
