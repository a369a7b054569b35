"""The audit sample: some requests are counted a second time, off the path, and compared with what their worker said.

A worker that is believed is not trusted blindly: the drift is a figure that everybody can see (P3).

Failure mode: open.  A full queue drops samples (and counts them); no request ever waits for an audit.
"""

import asyncio
from random import random

import msgspec

from gateway.errors import TollwayError
from gateway.inference.measure import Measure
from gateway.inference.meter import Meter
from gateway.inference.tally import Sizes
from gateway.kit.clock import now_us
from gateway.kit.db import Database
from gateway.kit.log import logger
from gateway.metering.store import insert_sample
from gateway.metering.types import DriftSample
from gateway.workers.types import Kind, Worker

QUEUE_MAX = 256
END_OF_SEQUENCE_KINDS: frozenset[Kind] = frozenset({"vllm", "llamacpp"})
"""Kinds whose completion_tokens include the end-of-sequence token (and both markers of a thought)."""


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """A request that was served and sampled."""

    request_id: str
    worker: Worker
    sizes: Sizes
    meter: Meter


class Audits:
    def __init__(self, share: float, database: Database, measure: Measure) -> None:
        self._share = share
        self._database = database
        self._measure = measure
        self._queue: asyncio.Queue[Answered] = asyncio.Queue(QUEUE_MAX)
        self.dropped = 0

    def wants(self, sizes: Sizes) -> bool:
        """Whether this request is in the sample: decided before it is sent, because its answer must be heard."""
        return sizes.model.counted_here and random() < self._share  # noqa: S311 - a sample, not a secret

    def offer(self, answered: Answered) -> None:
        """Takes a finished request; never waits."""
        if answered.meter.usage is None:
            return  # the worker said nothing to compare with
        try:
            self._queue.put_nowait(answered)
        except asyncio.QueueFull:
            self.dropped += 1

    async def run(self) -> None:
        """For the life of the process."""
        while True:
            answered = await self._queue.get()
            try:
                sample = await self._count(answered)
                await self._database.write(lambda conn, sample=sample: insert_sample(conn, sample))  # type: ignore[misc]
            except TollwayError as error:
                logger().warning("audit_failed", request_id=answered.request_id, reason=error.message)
            self._queue.task_done()

    async def join(self) -> None:
        """Until everything offered so far is counted."""
        await self._queue.join()

    async def _count(self, answered: Answered) -> DriftSample:
        sizes, meter = answered.sizes, answered.meter
        usage = meter.usage
        assert usage is not None, "offer() takes no others"
        count = await self._measure.prompt(sizes.model, sizes.prompt, sizes.bound)
        text, reasoning = await self._measure.texts(sizes.model, *meter.heard)
        sample = DriftSample(
            request_id=answered.request_id,
            model=sizes.model.id,
            worker=answered.worker.name,
            kind=answered.worker.kind,
            worker_input_tokens=usage.input_tokens,
            counted_input_tokens=count.prompt_tokens,
            worker_output_tokens=usage.output_tokens,
            counted_output_tokens=text + reasoning,
            explained_output_tokens=_explained(meter, answered.worker.kind),
            created_us=now_us(),
        )
        if sample.worker_input_tokens != sample.counted_input_tokens:
            logger().warning("drift", **msgspec.structs.asdict(sample))
        return sample


def _explained(meter: Meter, kind: Kind) -> int:
    """What a kind counts beyond the text it sends: the end of the sequence, and the two markers of a thought."""
    if kind not in END_OF_SEQUENCE_KINDS:
        return 0
    return (meter.finish_reason == "stop") + 2 * (meter.reasoning_deltas > 0)
