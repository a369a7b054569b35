"""`/openapi.json`, for everybody: it is docs/openapi.json, the same in every installation, and tools that read it send no key."""

import asyncio

from litestar import Response, get

from gateway.api.openapi.document import encoded


@get("/openapi.json")
async def get_document() -> Response[bytes]:
    """What this API is, for programs."""
    return Response(await asyncio.to_thread(encoded), media_type="application/json")
