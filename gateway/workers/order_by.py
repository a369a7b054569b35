"""What a policy makes of a worker: whether it may serve at all, and before or after which others.  Pure.

- `local-only`: workers of ours; nothing leaves the house.
- `local-then-mistral` (the default): ours; the Mistral API when ours are all crowded, busy or out.
- `cheapest`: whoever serves this request for the least (`Cost`); the next when it is crowded, busy or out.
- `mistral-only`: the Mistral API.
"""

from typing import get_args

from gateway.errors import BadRequest
from gateway.workers.types import Need, Policy, Worker

POLICIES: tuple[Policy, ...] = get_args(Policy)


def parse_policy(text: str | None) -> Policy | None:
    """None stays None.  Raises BadRequest."""
    for policy in POLICIES:
        if text == policy:
            return policy
    if text is not None:
        raise BadRequest(f"{text!r} is no policy; use one of {', '.join(POLICIES)}", param="policy")
    return None


def tier(worker: Worker, need: Need, policy: Policy) -> int | None:
    """Lower comes first; None: it may not serve."""
    remote = worker.kind == "mistral"
    if policy == "local-only":
        return None if remote else 0
    if policy == "mistral-only":
        return 0 if remote else None
    if policy == "cheapest":
        cost = worker.cost_of(need.model_id)  # what nobody said counts as 0 here: a worker of ours is cheap
        return need.input_tokens * (cost.input_nanousd_per_mtok or 0) + need.output_tokens * (
            cost.output_nanousd_per_mtok or 0
        )
    return int(remote)


def is_fit(worker: Worker, need: Need) -> bool:
    """Whether it can surely take the request: it sees images if there are some, and the prompt's bound fits its context."""
    context = worker.contexts.get(need.model_id)
    return not (need.vision and worker.blind) and (context is None or need.input_tokens < context)
