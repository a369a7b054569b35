"""How much a request may cost at worst: what is held before any worker is asked."""

from gateway.catalog.rate import prompt_cost_max
from gateway.catalog.types import Model
from gateway.credit.types import Order
from gateway.errors import BadRequest
from gateway.inference.request import ChatRequest
from gateway.keys.types import Caller
from gateway.tokens.bound import bound_prompt
from gateway.tokens.types import PromptBound, PromptRejected


def estimate(request: ChatRequest, model: Model) -> PromptBound:
    """An upper bound of the prompt.

    Raises:
        BadRequest: a prompt that cannot be served: images for a model without vision, or more answer than the
            model's whole context.
    """
    try:
        bound = bound_prompt(request.prompt)
    except PromptRejected as error:
        raise BadRequest(error.message, param=error.param, code=error.code) from error
    if bound.image_tokens_max and not model.vision:
        raise BadRequest(f"{model.id} cannot see images; choose a model with vision", param="messages")
    wanted = request.output_tokens_max
    if wanted is not None and wanted > model.context_tokens:
        raise BadRequest(
            f"max_tokens is {wanted}, but {model.id} has a context of {model.context_tokens} tokens in all",
            param="max_tokens",
            code="context_length_exceeded",
        )
    return bound


def order_for(
    request: ChatRequest, model: Model, bound: PromptBound, caller: Caller, request_id: str, expires_us: int
) -> Order:
    """What to hold: the bound at list price, and every token of answer that the client allows."""
    assert caller.account_id is not None, "operators hold no credit; the edge refuses them"
    text = bound.text_tokens_max + model.template_tokens_max
    return Order(
        request_id=request_id,
        account_id=caller.account_id,
        key_id=caller.key_id,
        prompt_nanousd=prompt_cost_max(text, bound.image_tokens_max, model.prices),
        output_tokens_max=request.output_tokens_max or model.context_tokens,
        output_price_nanousd_per_mtok=model.prices.output_max,
        expires_us=expires_us,
    )
