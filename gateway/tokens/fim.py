"""How mistral_common spells "fill in the middle": the suffix first, then the prefix, which the model goes on from.

Tokens are sent to a worker as ids, so a control token's name in somebody's code stays text, and our count is exact.
"""

from gateway.tokens.tekken import Vocabulary
from gateway.tokens.template_v13 import Control
from gateway.tokens.types import FimPrompt

_GLUE = "☺"
"""mistral_common tokenizes a suffix behind this character and cuts its two tokens off, so that a suffix begins in the
middle of a text (`InstructTokenizerV2._encode_infilling`): `(x)` gets other ids there than at the beginning."""
_GLUE_TOKENS = 2


def encode_fim(prompt: FimPrompt, vocabulary: Vocabulary) -> list[int]:
    """Raises PromptRejected: a text that would crash the tokenizer."""
    suffix = vocabulary.encode(_GLUE + prompt.suffix, "suffix")[_GLUE_TOKENS:] if prompt.suffix else []
    return [
        int(Control.BOS),
        int(Control.SUFFIX),
        *suffix,
        int(Control.PREFIX),
        *vocabulary.encode(prompt.prompt, "prompt"),
    ]
