r"""Refuses what would crash a tokenizer: a run of a million blanks.

tiktoken's pattern tries `\s+(?!\S)` by backtracking, up to 1,000,000 steps: a run of 999,999 blanks (any Unicode
blank but CR and LF, alone or mixed; measured with tiktoken 0.14.0) is a Rust panic, which Python sees as a
BaseException, and vLLM's tokenizer is the same.  It is only 15,625 tokens, so the context limit does not catch it.
"""

from gateway.tokens.types import PromptRejected

BLANKS_MAX = 900_000
"""Below 999,999, where it panics, with room for what a template joins to the text."""


def refuse_blanks(text: str, where: str) -> None:
    """Raises PromptRejected.  Costs nothing for texts shorter than the limit, and one look at the rest."""
    if len(text) >= BLANKS_MAX and has_long_blank(text):
        raise PromptRejected(
            f"a run of {BLANKS_MAX} blanks or more cannot be tokenized; shorten it", where, "unsupported_text"
        )


def has_long_blank(text: str) -> bool:
    """Linear: a run that long covers a whole block of half its length, and few blocks need a second look."""
    block = BLANKS_MAX // 2
    for start in range(0, len(text), block):
        if text[start : start + block].isspace():
            before = start - len(text[:start].rstrip())
            after = len(text) - start - len(text[start:].lstrip())
            if before + after >= BLANKS_MAX:
                return True
    return False
