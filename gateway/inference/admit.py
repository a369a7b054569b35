"""May this request begin now?  Asked after it was understood and before credit is held: a refusal costs nothing.

Its prompt counts by its bound where there is plenty, else by its exact count; its answer by the `max_tokens` that the client
named, else by a first step of it.  When it ended, what it did not use is given back and what it used beyond that is counted:
an answer is never cut for a rate.
"""

from collections.abc import Callable

from gateway.errors import RateLimited, RequestExceedsLimit
from gateway.inference.estimate import exactly, payer
from gateway.inference.measure import Measure
from gateway.inference.request import ChatRequest
from gateway.inference.tally import Sizes
from gateway.inference.trace import Trace
from gateway.keys.types import Caller
from gateway.limits.admit import FREE, Admission, Limiter
from gateway.limits.refuse import headers
from gateway.limits.types import NOTHING, Amounts, Bound


async def admit(
    limiter: Limiter,
    caller: Caller,
    request: ChatRequest,
    sizes: Sizes,
    measure: Measure,
    *,
    step: int,
    tell: Callable[[dict[str, str]], None],
) -> tuple[Sizes, Admission]:
    """`tell` takes headers of whatever will be answered: what is left, let in or not.

    Raises RateLimited, RequestExceedsLimit.
    """
    bounds = limiter.bounds(payer(caller), caller.key_id, caller.account_limits, caller.key_limits)
    if not bounds:
        return sizes, FREE
    output_tokens = _reserved(request, sizes, bounds, step)
    admission = limiter.take(bounds, (1, sizes.input_tokens_max, output_tokens, 1))
    if admission is None:
        if any(bound.limits.input_tokens_per_minute is not None for bound in bounds):
            sizes = await exactly(sizes, measure)
        try:
            admission = await limiter.admit(bounds, (1, sizes.input_tokens_max, output_tokens, 1))
        except (RateLimited, RequestExceedsLimit):
            tell(_left(limiter, bounds, sizes.input_tokens_max + output_tokens))
            raise
    tell(_left(limiter, bounds, admission.asked[1] + admission.asked[2]))
    return sizes, admission


def spent(admission: Admission, trace: Trace) -> Amounts:
    """What a request counts for in the end: nothing if it was refused, what was billed if that is known, else what it asked."""
    if not trace.held:
        return NOTHING
    if trace.event is None:
        return admission.asked
    return (1, trace.event.input_tokens, trace.event.output_tokens, 0)


def limit_headers(limiter: Limiter, caller: Caller) -> dict[str, str]:
    """What is left, for an answer that took nothing of it; nothing, for whom nobody limits."""
    bounds = limiter.bounds(payer(caller), caller.key_id, caller.account_limits, caller.key_limits)
    return _left(limiter, bounds, 0) if bounds else {}


def _left(limiter: Limiter, bounds: tuple[Bound, ...], tokens_asked: int) -> dict[str, str]:
    left = [(bound, limiter.left(bound)) for bound in bounds]
    return headers(left, limiter.resets_us(), tokens_asked)


def _reserved(request: ChatRequest, sizes: Sizes, bounds: tuple[Bound, ...], step: int) -> int:
    """What the client named, whole; else a step, so that who names nothing does not reserve the model's whole context."""
    if request.output_tokens_max is not None:
        return sizes.output_tokens_max
    limits = [bound.limits.output_tokens_per_minute for bound in bounds]
    return min([sizes.output_tokens_max, step, *(limit for limit in limits if limit is not None)])
