from typing import Literal

import msgspec

from gateway.rollups.month import Month

Period = Literal["hour", "day", "month"]
By = Literal["period", "account_id", "key_id", "project_id", "model"]


class Behind(msgspec.Struct, frozen=True):
    """An account whose sums end at `done`, while its events go on to `head`."""

    account_id: str
    done: int
    head: int


class Portion(msgspec.Struct, frozen=True):
    """The events of an account numbered (done, until], and what they add to its months."""

    account_id: str
    done: int
    until: int
    months: dict[int, Month]


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """Of one group of requests.  `unbilled_requests` failed on our side, or were empty; `duration_us` is in all."""

    requests: int = 0
    unbilled_requests: int = 0
    input_tokens: int = 0
    input_image_tokens: int = 0
    input_cached_tokens: int = 0
    output_tokens: int = 0
    output_reasoning_tokens: int = 0
    cost_nanousd: int = 0
    duration_us: int = 0
