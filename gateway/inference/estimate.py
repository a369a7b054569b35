"""How large a request is and what it may cost at worst: what is held before any worker is asked.

The bound takes microseconds and is never too low.  An exact count is only made where the bound does not settle the
question: whether the request fits the model's context, and whether a small balance affords it.
"""

import msgspec

from gateway.catalog.rate import prompt_cost_max
from gateway.catalog.types import Model
from gateway.credit.types import Order, caps_of
from gateway.errors import BadRequest, MaxCostExceeded, NotAllowed
from gateway.inference.measure import Measure
from gateway.inference.request import ChatRequest
from gateway.inference.tally import Sizes
from gateway.keys.types import Caller
from gateway.kit.money import cost_nanousd, format_usd, tokens_affordable
from gateway.tokens.bound import bound_prompt
from gateway.tokens.order_v13 import refuse_disorder
from gateway.tokens.types import AnyPrompt, FimPrompt, Inputs, Prompt, PromptRejected


def size_up(request: ChatRequest, model: Model) -> Sizes:
    """Raises BadRequest: a prompt that cannot be served, or more answer than the model's whole context."""
    try:
        bound = bound_prompt(request.prompt)
        if model.counted_here and isinstance(request.prompt, Prompt):
            refuse_disorder(request.prompt)
    except PromptRejected as error:
        raise BadRequest(error.message, param=error.param, code=error.code) from error
    if bound.image_tokens_max and not model.vision:
        raise BadRequest(f"{model.id} cannot see images; choose a model with vision", param="messages")
    wanted = request.output_tokens_max
    if wanted is not None and wanted > model.context_tokens:
        raise _too_long(f"max_tokens is {wanted}", wanted, model, "max_tokens")
    template = model.template_tokens_max if isinstance(request.prompt, Prompt) else 0
    return Sizes(
        model=model,
        prompt=request.prompt,
        bound=bound,
        input_tokens_max=bound.text_tokens_max + bound.image_tokens_max + template,
        output_tokens_max=model.context_tokens if wanted is None else wanted,
    )


async def fit(request: ChatRequest, sizes: Sizes, measure: Measure) -> Sizes:
    """The same, checked against the context; `max_tokens` left out means what fits.

    Of several inputs each has a context of its own, so the longest is checked.

    Raises:
        BadRequest: prompt and `max_tokens` exceed the context; says by how much.
    """
    model = sizes.model
    wanted = 1 if request.output_tokens_max is None else request.output_tokens_max
    if not model.counted_here or model.context_tokens - sizes.bound.context_tokens_max >= wanted:
        return sizes
    sizes = await exactly(sizes, measure)
    assert sizes.count is not None, "just counted"
    prompt_tokens = sizes.count.context_tokens
    if sizes.count.images_unread == 0 and model.context_tokens - prompt_tokens < wanted:
        raise _too_long(
            _too_much(request, prompt_tokens), prompt_tokens + wanted, model, _field(sizes.prompt)
        )
    return sizes


def _too_much(request: ChatRequest, prompt_tokens: int) -> str:
    if isinstance(request.prompt, Inputs):
        return f"the longest input has {prompt_tokens} tokens"
    return (
        f"the prompt has {prompt_tokens} tokens and max_tokens is {request.output_tokens_max or 'at least 1'}"
    )


def _field(prompt: AnyPrompt) -> str:
    """Where a client wrote it."""
    if isinstance(prompt, Inputs):
        return "input"
    return "prompt" if isinstance(prompt, FimPrompt) else "messages"


async def exactly(sizes: Sizes, measure: Measure) -> Sizes:
    """The same with an exact count, where this gateway can count: what is held is then what will be billed."""
    if sizes.count is not None or not sizes.model.counted_here:
        return sizes
    count = await measure.prompt(sizes.model, sizes.prompt, sizes.bound)
    return Sizes(
        model=sizes.model,
        prompt=sizes.prompt,
        bound=sizes.bound,
        input_tokens_max=count.prompt_tokens,
        output_tokens_max=sizes.output_tokens_max,
        count=count,
    )


def order_for(
    sizes: Sizes,
    caller: Caller,
    request_id: str,
    *,
    output_tokens: int,
    monthly_free_nanousd: int,
) -> Order:
    """What to hold for this key: the prompt at worst, at list price, and so many tokens of answer.

    Vectors are no tokens: such an answer is held as one token that costs nothing, since a hold of none is a refusal.

    Raises:
        NotAllowed: an operator's key, which spends nothing.
    """
    prices = sizes.model.prices
    return Order(
        request_id=request_id,
        account_id=payer(caller),
        key_id=caller.key_id,
        prompt_nanousd=prompt_nanousd(sizes),
        output_tokens_max=max(1, output_tokens),
        output_price_nanousd_per_mtok=prices.output_max if output_tokens else 0,
        caps=caps_of(caller.cap_day_nanousd, caller.cap_month_nanousd, caller.cap_total_nanousd),
        project_id=caller.project_id,
        project_caps=caps_of(
            caller.project_cap_day_nanousd, caller.project_cap_month_nanousd, caller.project_cap_total_nanousd
        ),
        monthly_free_nanousd=monthly_free_nanousd,
    )


def prompt_nanousd(sizes: Sizes) -> int:
    """What the prompt costs at worst, at list price."""
    images = sizes.bound.image_tokens_max if sizes.count is None else sizes.count.image_tokens
    return prompt_cost_max(sizes.input_tokens_max - images, images, sizes.model.prices)


async def within(max_cost_nanousd: int | None, sizes: Sizes, measure: Measure) -> Sizes:
    """The same, with the answer cut to what the request's own `max_cost_usd` affords at list price.

    Raises:
        MaxCostExceeded: it does not afford the prompt and one token.
    """
    if max_cost_nanousd is None:
        return sizes
    price = sizes.model.prices.output_max
    if max_cost_nanousd < prompt_nanousd(sizes) + cost_nanousd(sizes.output_tokens_max, price):
        sizes = await exactly(sizes, measure)
    left = max_cost_nanousd - prompt_nanousd(sizes)
    tokens = sizes.output_tokens_max if price == 0 else tokens_affordable(left, price)
    least = min(1, sizes.output_tokens_max)
    if left < 0 or tokens < least:
        needed = prompt_nanousd(sizes) + cost_nanousd(least, price)
        raise MaxCostExceeded(
            f"this request may cost ${format_usd(needed)} for its prompt and one token, and its max_cost_usd is"
            f" ${format_usd(max_cost_nanousd)}; raise it, or send less",
            needed_nanousd=needed,
            available_nanousd=max_cost_nanousd,
        )
    return msgspec.structs.replace(sizes, output_tokens_max=min(tokens, sizes.output_tokens_max))


def payer(caller: Caller) -> str:
    if caller.account_id is None:
        raise NotAllowed("an operator's key spends nothing; create a key for an account and use that")
    return caller.account_id


def _too_long(what: str, tokens: int, model: Model, param: str) -> BadRequest:
    """For programs also the numbers: `tokens` are wanted, `limit` is there."""
    return BadRequest(
        f"{what}, but {model.id} has a context of {model.context_tokens} tokens in all",
        param=param,
        code="context_length_exceeded",
        extra={"tokens": tokens, "limit": model.context_tokens},
    )
