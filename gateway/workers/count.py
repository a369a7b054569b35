"""Ask a worker how many tokens a prompt has, for models whose tokenizer only the worker knows."""

import msgspec

from gateway.errors import WorkerFailed
from gateway.workers.ask import post_json
from gateway.workers.http import HttpClient
from gateway.workers.types import Kind, Timeouts, Worker

_PATHS: dict[Kind, str] = {
    "llamacpp": "/v1/chat/completions/input_tokens",
    "vllm": "/tokenize",
}
"""Kinds with an endpoint that renders a chat and counts it (MISTRAL.md section 6)."""


class _Answer(msgspec.Struct):
    input_tokens: int | None = None
    count: int | None = None


def can_count(worker: Worker) -> bool:
    return worker.kind in _PATHS


async def count_at_worker(client: HttpClient, worker: Worker, payload: bytes, timeouts: Timeouts) -> int:
    """The prompt tokens of a chat request.

    Raises:
        WorkerFailed, WorkerRefused, …: as `ask` does.
    """
    body = await post_json(client, worker, _PATHS[worker.kind], payload, timeouts)
    try:
        answer = msgspec.json.decode(body, type=_Answer)
    except msgspec.DecodeError as error:
        raise WorkerFailed("the worker's count cannot be read") from error
    tokens = answer.input_tokens if answer.count is None else answer.count
    if tokens is None or tokens < 0:
        raise WorkerFailed("the worker's count cannot be read")
    return tokens
