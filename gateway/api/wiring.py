"""What handlers may ask for by name; `app.py` provides it."""

from typing import Annotated

from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter

from gateway.billing.border import Stripe
from gateway.inference.gateway import Gateway
from gateway.keys.create import OVERLAP_S_MAX
from gateway.keys.find import KeyFinder
from gateway.keys.types import Caller

TheGateway = NamedDependency[Gateway]
TheStripe = NamedDependency[Stripe]
TheCaller = NamedDependency[Caller]
TheFinder = NamedDependency[KeyFinder]
TheKeySecret = NamedDependency[bytes]

KeyId = Annotated[str, PathParameter(description="As the list of keys has it: `key_…`.")]
AlertId = Annotated[str, PathParameter(description="As the list of alerts has it: `alr_…`.")]
ProjectId = Annotated[str, PathParameter(description="As the list of projects has it: `prj_…`.")]
RequestId = Annotated[str, PathParameter(description="The answer's `x-request-id`: `req_…`.")]
AccountName = Annotated[str, PathParameter(description="An account's name or id.")]
Month = Annotated[
    str,
    PathParameter(
        description="A calendar month (UTC) like 2026-11.",
        schema_extra={"pattern": "^[0-9]{4}-(0[1-9]|1[0-2])$"},
    ),
]
Overlap = Annotated[
    int,
    QueryParameter(
        ge=0,
        le=OVERLAP_S_MAX,
        description="Seconds for which the old secret goes on working, a week at most.",
    ),
]
After = Annotated[str | None, QueryParameter(description="`last_id` of the piece before.")]
