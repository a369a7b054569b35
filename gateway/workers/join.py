"""Run beside a worker: it joins a gateway by itself, says every few seconds that it is there, and leaves when it is stopped.

Failure mode: open.  A gateway that cannot be reached is tried again; a worker that does not answer is not announced, and
is forgotten by the gateway when its last heartbeat is `HEARTBEAT_TTL_S` old.
"""

import asyncio
from collections.abc import Callable

import httpx
import msgspec

HEARTBEAT_S = 5
HEARTBEAT_TTL_S = 15
"""Two heartbeats may be lost."""
TIMEOUT_S = 4.0
PATH = "/join/v1/worker"


class Joining(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker says of itself, to which gateway.  `url` is how the gateway reaches it."""

    gateway: str
    token: str
    url: str
    models: tuple[str, ...] = ()
    weight: int | None = None
    concurrency_max: int | None = None


class JoinRefused(Exception):
    """The gateway does not want this worker; its words say why."""


async def keep_joined(joining: Joining, say: Callable[[str], None], stop: asyncio.Event) -> None:
    """Until `stop`; then it leaves.

    Raises:
        JoinRefused: the token or the URL is wrong: trying again would not help.
    """
    headers = {"authorization": f"Bearer {joining.token}"}
    gateway = joining.gateway.rstrip("/").removesuffix("/v1")
    state = ""
    async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as client:
        while not stop.is_set():
            now = await _beat(client, joining, gateway, headers)
            if now != state:
                say(now)
                state = now
            try:
                await asyncio.wait_for(stop.wait(), HEARTBEAT_S)
            except TimeoutError:
                continue
        try:
            await client.delete(f"{gateway}{PATH}", params={"url": joining.url}, headers=headers)
        except httpx.HTTPError as error:
            say(
                f"could not say goodbye to {gateway} ({type(error).__name__}); it will notice within {HEARTBEAT_TTL_S} s"
            )
        else:
            say("left")


async def _beat(client: httpx.AsyncClient, joining: Joining, gateway: str, headers: dict[str, str]) -> str:
    """One heartbeat; how it went, in words."""
    try:
        (await client.get(f"{joining.url}/v1/models")).raise_for_status()
    except httpx.HTTPStatusError as error:
        if error.response.status_code not in (401, 403):  # it has a key, and lives
            return f"waiting for {joining.url}: /v1/models answers {error.response.status_code}"
    except httpx.HTTPError as error:
        return f"waiting for {joining.url}: {type(error).__name__}"
    body = {
        "url": joining.url,
        "models": joining.models,
        "weight": joining.weight,
        "concurrency_max": joining.concurrency_max,
    }
    try:
        answer = await client.put(f"{gateway}{PATH}", json=body, headers=headers)
    except httpx.HTTPError as error:
        return f"waiting for the gateway at {gateway}: {type(error).__name__}"
    if answer.is_success:
        return f"joined {gateway} as {joining.url}"
    if answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR:
        raise JoinRefused(f"{gateway} answers {answer.status_code}: {answer.text[:500]}")
    return f"waiting for the gateway at {gateway}: it answers {answer.status_code}"
