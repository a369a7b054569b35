"""What a request took, in the end: each number from whoever is to be believed about it, and who that was.

- **Input**: a worker's own count where its kind is believed for this model (`believed_kinds`), so that a bill does
  not depend on which worker served; else our exact count; else the worker's; else nothing.
- **Image**: the worker's split if its input is believed and it gives one, else ours from the pictures' headers.
- **Output**: always the worker's if it says (vLLM's includes the end-of-sequence token); else our count of what was
  relayed; else one per chunk.
- **Reasoning**: the worker's, else our count of what was relayed as reasoning; else one per chunk.

Nobody pays for more than was held, whatever anybody counted: every number is capped by the hold's bounds.
"""

import contextlib

import msgspec

from gateway.catalog.types import Model, TokenCounts
from gateway.errors import BadRequest
from gateway.inference.events import Usage
from gateway.inference.measure import Measure
from gateway.inference.meter import Meter
from gateway.metering.types import Source
from gateway.tokens.types import AnyPrompt, PromptBound, PromptCount
from gateway.workers.types import Kind


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    counts: TokenCounts = TokenCounts()
    input_source: Source = "worker"
    image_source: Source = "worker"
    output_source: Source = "worker"
    reasoning_source: Source = "worker"


NOTHING = Tally()


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """What was known before any worker was asked.  `input_tokens_max` is what was held of the prompt; `output_tokens_max` the most the answer may have."""

    model: Model
    prompt: AnyPrompt
    bound: PromptBound
    input_tokens_max: int
    output_tokens_max: int
    count: PromptCount | None = None


async def tally(meter: Meter, sizes: Sizes, kind: Kind, measure: Measure, output_tokens_held: int) -> Tally:
    """Never raises for what a client or worker sent: what was delivered must be billed."""
    usage, model = meter.usage, sizes.model
    believed = usage is not None and (kind in model.believed_kinds or not model.counted_here)
    count = sizes.count
    if count is None and model.counted_here and not believed:
        with contextlib.suppress(
            BadRequest
        ):  # a worker with a milder tokenizer served it: then its count stands
            count = await measure.prompt(model, sizes.prompt, sizes.bound)
    inputs, input_source = _input(usage, count, believed=believed)
    images, image_source = _images(usage, count, sizes.bound, believed=believed)
    outputs, output_source, reasoning, reasoning_source = await _output(meter, model, measure)
    inputs = min(inputs, sizes.input_tokens_max)
    outputs = min(outputs, output_tokens_held, sizes.output_tokens_max)
    counts = TokenCounts(
        input_tokens=inputs,
        input_image_tokens=min(images, inputs, sizes.bound.image_tokens_max),
        input_cached_tokens=min(usage.cached_tokens if usage else 0, inputs),
        output_tokens=outputs,
        output_reasoning_tokens=min(reasoning, outputs),
    )
    return Tally(
        counts=counts,
        input_source=input_source,
        image_source=image_source,
        output_source=output_source,
        reasoning_source=reasoning_source,
    )


def _input(usage: Usage | None, count: PromptCount | None, *, believed: bool) -> tuple[int, Source]:
    if believed and usage is not None:
        return usage.input_tokens, "worker"
    if count is not None:
        return count.prompt_tokens, "counted"
    if usage is not None:
        return usage.input_tokens, "worker"
    return 0, "estimated"


def _images(
    usage: Usage | None, count: PromptCount | None, bound: PromptBound, *, believed: bool
) -> tuple[int, Source]:
    """A bound is exact unless a picture is a link."""
    if believed and usage is not None and usage.image_tokens is not None:
        return usage.image_tokens, "worker"
    return (bound.image_tokens_max if count is None else count.image_tokens), "counted"


async def _output(meter: Meter, model: Model, measure: Measure) -> tuple[int, Source, int, Source]:
    usage = meter.usage
    said_reasoning = None if usage is None else usage.reasoning_tokens
    if usage is not None and (said_reasoning is not None or meter.reasoning_deltas == 0):
        return usage.output_tokens, "worker", said_reasoning or 0, "worker"
    if not model.counted_here or (usage is None and not meter.listens):
        if usage is None:
            return meter.deltas, "estimated", meter.reasoning_deltas, "estimated"
        return usage.output_tokens, "worker", meter.reasoning_deltas, "estimated"
    text, reasoning = await measure.texts(model, *meter.heard)
    if usage is not None:
        return usage.output_tokens, "worker", reasoning, "counted"
    return text + reasoning, "counted", reasoning, "counted"
