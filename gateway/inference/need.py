"""What a request asks of a worker: how large it is, and where its conversation's cache may lie."""

import msgspec

from gateway.inference.request import ChatRequest
from gateway.inference.tally import Sizes
from gateway.keys.types import Caller
from gateway.tokens.types import Prompt
from gateway.workers.order_by import parse_policy
from gateway.workers.ring import place
from gateway.workers.types import Kind, Need

SPOT_BYTES_MIN = 512
"""A shorter conversation has hardly a block of cache to lose: it goes wherever there is least to do."""
SPOT_BYTES_MAX = 64 * 2**10
"""Of each message: enough to tell conversations apart, also those that begin with a picture."""

_messages = msgspec.json.Decoder(list[msgspec.Raw])


def need_of(sizes: Sizes, caller: Caller, *, hold_step: int, kinds: frozenset[Kind] | None = None) -> Need:
    """Tokens are what the request may bring a worker at first: its prompt, and one step of its answer."""
    return Need(
        model_id=sizes.model.id,
        account_id=caller.account_id or "",
        input_tokens=sizes.input_tokens_max,
        output_tokens=min(sizes.output_tokens_max, hold_step),
        vision=sizes.bound.image_tokens_max > 0,
        policy=parse_policy(caller.policy),
        kinds=kinds,
    )


def spot_of(request: ChatRequest, model_id: str, account_id: str) -> int | None:
    """Where on the ring this conversation lies: the same in each of its turns, and for no other account.

    Its place is its beginning, up to the first thing that the user said; or the client's own `prompt_cache_key` (Mistral's
    and OpenAI's name for it).  None: it is too short to matter, or no conversation.
    """
    salt = (account_id.encode(), model_id.encode())
    named = bytes(request.fields.get("prompt_cache_key", b""))
    if named.startswith(b'"'):
        return place(*salt, named)
    raw = request.fields.get("messages", msgspec.Raw(b""))
    if not isinstance(request.prompt, Prompt) or len(raw) < SPOT_BYTES_MIN:
        return None
    beginning: list[bytes] = []
    for message, said in zip(request.prompt.messages, _messages.decode(raw), strict=True):
        beginning.append(bytes(memoryview(said)[:SPOT_BYTES_MAX]))
        if message.role == "user":
            break
    return place(*salt, *beginning)
