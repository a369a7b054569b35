"""What a request would take and cost, without running it: `/v1/tokenize` and `/v1/estimate`."""

import msgspec

from gateway.catalog.rate import prompt_cost_max, rate, total_nanousd
from gateway.catalog.types import TOKEN_CLASSES, Model, PriceBook, Starts, TokenCounts
from gateway.credit import store as credit
from gateway.errors import BadRequest
from gateway.inference.default_prompt import with_default_prompt
from gateway.inference.estimate import exactly, fit, size_up
from gateway.inference.gateway import Gateway
from gateway.inference.operations import refuse_unoffered
from gateway.inference.request import ChatRequest
from gateway.inference.tally import Sizes
from gateway.inference.translate import translate
from gateway.kit.clock import now_us, rfc3339
from gateway.kit.db import ReadConn
from gateway.kit.money import cost_nanousd, format_usd, tokens_affordable
from gateway.metering import store as metering
from gateway.metering.types import Source
from gateway.workers.count import can_count, count_at_worker


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """`images_unread` pictures are links: their tokens are the most that any picture takes."""

    prompt_tokens: int
    image_tokens: int
    images_unread: int
    source: Source

    @property
    def text_tokens(self) -> int:
        return self.prompt_tokens - self.image_tokens


class Tokenization(msgspec.Struct, frozen=True, kw_only=True, tag_field="object", tag="tokenize"):
    """Tokens of what was sent, by class, and of the default system prompt that would be added.

    `images_unread` pictures are links, counted as the largest there can be.  `source`: who counted.
    """

    model: str
    prompt_tokens: int
    text_tokens: int
    image_tokens: int
    images_unread: int
    default_system_prompt_tokens: int
    source: Source
    max_context_length: int
    tokens: list[int] | msgspec.UnsetType = msgspec.UNSET


class TierReached(msgspec.Struct, frozen=True, kw_only=True):
    """The volume of this month (UTC), its discount, and where the next tier begins (null: nowhere)."""

    tokens_this_month: int
    discount_percent: int
    up_to_tokens: int | None


class Estimate(msgspec.Struct, frozen=True, kw_only=True, tag_field="object", tag="estimate"):
    """What a request would cost: at worst, which is what would be held, and likely; and what the balance affords.

    The likely cost takes the mean answer of the account's last requests to the model; null without any.
    """

    model: str
    prompt_tokens: int
    text_tokens: int
    image_tokens: int
    max_tokens: int
    cost_max_nanousd: int
    cost_max_usd: str
    likely_completion_tokens: int | None
    cost_likely_nanousd: int | None
    cost_likely_usd: str | None
    tiers: dict[str, TierReached]
    available_nanousd: int
    available_usd: str
    affordable: bool
    affordable_max_tokens: int
    price_version: int


async def count(gateway: Gateway, request: ChatRequest, model: Model) -> tuple[Counted, Sizes]:
    """The exact count, ours or the worker's.

    Raises:
        BadRequest: the prompt cannot be served, or this model's prompts can only be bounded.
        NoWorker, WorkerFailed: only the worker knows, and it cannot be asked.
    """
    refuse_unoffered(request.operation, model)
    sizes = size_up(request, model)
    if model.counted_here:
        sizes = await exactly(sizes, gateway.measure)
        assert sizes.count is not None, "just counted"
        ours = sizes.count
        counted = Counted(
            prompt_tokens=ours.prompt_tokens,
            image_tokens=ours.image_tokens,
            images_unread=ours.images_unread,
            source="counted",
        )
        return counted, sizes
    bounded = model.tokenizer == "bytes" or request.operation != "chat"  # workers count chats only
    workers = [] if bounded else gateway.workers.serving(model.id)
    worker = next((worker for worker in workers if can_count(worker)), None)
    if worker is None:
        raise BadRequest(
            f"{model.id} has no tokenizer here: its prompt has at most {sizes.input_tokens_max} tokens, and"
            " the exact number is known once it was served",
            param="model",
            code="no_tokenizer",
        )
    tokens = await count_at_worker(
        gateway.client, worker, translate(request, worker, sizes), gateway.timeouts
    )
    return Counted(prompt_tokens=tokens, image_tokens=0, images_unread=0, source="worker"), sizes


async def tokenize(gateway: Gateway, request: ChatRequest) -> Tokenization:
    """With `"return_tokens": true` also the ids.

    Raises what `count` raises.
    """
    model = gateway.catalog.require(request.model)
    counted, sizes = await count(gateway, request, model)
    ids: list[int] | msgspec.UnsetType = msgspec.UNSET
    if bytes(request.fields.get("return_tokens", b"")) == b"true":
        if not model.counted_here:
            raise BadRequest(f"the ids of {model.id} are not known here", param="return_tokens")
        ids = await gateway.measure.ids(model, sizes.prompt, sizes.bound)
    return Tokenization(
        model=model.id,
        prompt_tokens=counted.prompt_tokens,
        text_tokens=counted.text_tokens,
        image_tokens=counted.image_tokens,
        images_unread=counted.images_unread,
        default_system_prompt_tokens=await _added_tokens(gateway, request, model, counted),
        source=counted.source,
        max_context_length=model.context_tokens,
        tokens=ids,
    )


async def _added_tokens(gateway: Gateway, request: ChatRequest, model: Model, counted: Counted) -> int:
    """Of the default system prompt, where this request would get it."""
    sent = with_default_prompt(request, model)
    if sent is request or not model.counted_here:
        return 0
    return (await count(gateway, sent, model))[0].prompt_tokens - counted.prompt_tokens


async def estimate(gateway: Gateway, request: ChatRequest, account_id: str) -> Estimate:
    """Without earlier requests to the model there is no likely cost, rather than a guess.  Raises what `count` raises."""
    model = gateway.catalog.require(request.model)
    request = with_default_prompt(request, model)
    counted, sizes = await count(gateway, request, model)
    sizes = await fit(request, sizes, gateway.measure)
    room = model.context_tokens - counted.prompt_tokens
    wanted = request.output_tokens_max
    output_max = max(0, room if wanted is None else min(wanted, room))
    balance = await gateway.database.read(lambda conn: credit.read_balance(conn, account_id))
    typical = (
        0
        if wanted == 0
        else await gateway.database.read(lambda conn: metering.typical_output(conn, account_id, model.id))
    )
    starts = await gateway.database.read(lambda conn: _volume(conn, account_id, model.id))
    assert balance is not None, "an account is opened with its balance"
    prompt = prompt_cost_max(counted.text_tokens, counted.image_tokens, model.prices)
    worst = prompt + cost_nanousd(output_max, model.prices.output_max)
    likely = (
        None
        if typical is None
        else _cost(counted, min(typical, output_max), model, gateway.catalog.book, starts)
    )
    left = balance.available_nanousd - prompt
    price = model.prices.output_max
    affordable = output_max if price == 0 else min(output_max, tokens_affordable(left, price))
    return Estimate(
        model=model.id,
        prompt_tokens=counted.prompt_tokens,
        text_tokens=counted.text_tokens,
        image_tokens=counted.image_tokens,
        max_tokens=output_max,
        cost_max_nanousd=worst,
        cost_max_usd=format_usd(worst),
        likely_completion_tokens=None if typical is None else min(typical, output_max),
        cost_likely_nanousd=likely,
        cost_likely_usd=None if likely is None else format_usd(likely),
        tiers=_tiers(gateway.catalog.book, starts),
        available_nanousd=balance.available_nanousd,
        available_usd=format_usd(balance.available_nanousd),
        affordable=left >= 0 and affordable >= min(1, output_max),
        affordable_max_tokens=affordable if left >= 0 else 0,
        price_version=gateway.catalog.book.version,
    )


def _cost(counted: Counted, output_tokens: int, model: Model, book: PriceBook, starts: Starts) -> int:
    counts = TokenCounts(
        input_tokens=counted.prompt_tokens,
        input_image_tokens=counted.image_tokens,
        output_tokens=output_tokens,
    )
    return total_nanousd(rate(counts, model.prices, book.tiers, starts))


def _volume(conn: ReadConn, account_id: str, model_id: str) -> Starts:
    """What the account used of the model this month (UTC), by class."""
    month = rfc3339(now_us())[:7]
    counters = metering.read_tier_counters(conn, [account_id], [month])
    return Starts(**{each.token_class: each.tokens for each in counters if each.model == model_id})


def _tiers(book: PriceBook, starts: Starts) -> dict[str, TierReached]:
    """By token class."""
    found = {}
    for name in TOKEN_CLASSES:
        used = getattr(starts, name)
        tier = next(tier for tier in book.tiers if tier.up_to_tokens is None or used < tier.up_to_tokens)
        found[name] = TierReached(
            tokens_this_month=used, discount_percent=tier.discount_percent, up_to_tokens=tier.up_to_tokens
        )
    return found
