"""Ways to answer that servers have, and that break one client or another if they are passed on as they are."""

from collections.abc import Callable
from typing import Any

Payload = dict[str, Any]


class Oddity:
    """A way to answer that a server has, and that breaks some client if it is passed on."""

    def __init__(
        self, change: Callable[[Payload], Payload] = lambda payload: payload, *, status: int = 200, body: Any = None,
        whole: bool = False, comments: bool = False, done: bool = True,
    ) -> None:  # fmt: skip
        self.change, self.status, self.body = change, status, body
        self.whole, self.comments, self.done = whole, comments, done


def without(*names: str) -> Callable[[Payload], Payload]:
    return lambda payload: {name: value for name, value in payload.items() if name not in names}


def _choices(edit: Callable[[Payload], Payload]) -> Callable[[Payload], Payload]:
    return lambda payload: {**payload, "choices": [edit(choice) for choice in payload["choices"]]}


def _no_null_reason(choice: Payload) -> Payload:
    return choice if choice["finish_reason"] else without("finish_reason")(choice)


def _filtered(choice: Payload) -> Payload:
    return {**choice, "finish_reason": "content_filter"} if choice["finish_reason"] else choice


ODDITIES: dict[str, Oddity] = {
    "nothing": Oddity(),
    "minimal": Oddity(without("object")),
    "extra_keys": Oddity(
        lambda payload: {**payload, "p": "abc", "prompt_logprobs": None, "kv_transfer_params": {}}
    ),
    "no_usage": Oddity(without("usage")),
    "usage_is_null": Oddity(lambda payload: {"usage": None, **payload}),
    "usage_is_null_for_good": Oddity(lambda payload: {**payload, "usage": None}),
    "no_created": Oddity(without("created")),
    "unknown_finish_reason": Oddity(_choices(_filtered)),
    "no_finish_reason_until_the_last": Oddity(_choices(_no_null_reason)),
    "comments_between_events": Oddity(comments=True),
    "no_done": Oddity(done=False),
    "not_a_stream": Oddity(whole=True),
    "unprocessable": Oddity(status=422, body={"detail": "the field x is unknown"}),
}

HARMLESS = tuple(name for name, odd in ODDITIES.items() if not odd.whole and odd.status == 200)
"""Those that have an answer in them, and must not keep a client from reading it."""
