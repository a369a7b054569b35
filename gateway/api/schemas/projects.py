"""Projects: what may be said of them, and what is told."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from gateway.api.schemas.keys import CAP_WINDOWS, GivenCap, caps_of
from gateway.api.schemas.shapes import Instant, Text, Usd
from gateway.credit.draw import periods_of
from gateway.credit.types import Counter
from gateway.errors import BadRequest
from gateway.kit.clock import rfc3339
from gateway.kit.money import format_usd
from gateway.projects.draw_up import NAME_CHARS_MAX
from gateway.projects.types import Project

_Name = Annotated[Text, msgspec.Meta(extra_json_schema={"minLength": 1, "maxLength": NAME_CHARS_MAX})]


class NewProject(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A name that no other project of the account has, and a budget: the most its keys may spend together."""

    name: _Name
    cap_day_usd: GivenCap | None = None
    cap_month_usd: GivenCap | None = None
    cap_total_usd: GivenCap | None = None


class NewAccountProject(NewProject, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """And whose it is: an account's name or id."""

    account: Text


_Flag = Annotated[Any, msgspec.Meta(extra_json_schema={"type": "boolean"})]
"""Looked at here: the framework would take 0 for false."""


class ProjectChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is named is changed; a cap that is null is removed.  A project is archived when none of its keys can call."""

    name: _Name | msgspec.UnsetType = msgspec.UNSET
    cap_day_usd: GivenCap | msgspec.UnsetType | None = msgspec.UNSET
    cap_month_usd: GivenCap | msgspec.UnsetType | None = msgspec.UNSET
    cap_total_usd: GivenCap | msgspec.UnsetType | None = msgspec.UNSET
    archived: _Flag = msgspec.UNSET


class ProjectInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A project, its budget, and what was spent of it today, this month (UTC) and in all."""

    id: str
    account_id: str
    name: str
    created_at: Instant
    archived_at: Instant | None
    cap_day_usd: Usd | None
    cap_month_usd: Usd | None
    cap_total_usd: Usd | None
    spent_day_usd: Usd
    spent_month_usd: Usd
    spent_total_usd: Usd


def project_changes_of(data: ProjectChange) -> dict[str, Any]:
    """What is named, as `keys/group.py` takes it.  Raises BadRequest."""
    if data.archived is not msgspec.UNSET and not isinstance(data.archived, bool):
        raise BadRequest("archived is true or false", param="archived")
    said = {"name": data.name, "archived": data.archived}
    return {name: value for name, value in said.items() if value is not msgspec.UNSET} | caps_of(data)


def project_info(project: Project, counters: Mapping[tuple[str, str], Counter], at_us: int) -> ProjectInfo:
    """`counters` of the periods that run at `at_us`; those that have not begun are left out."""
    amounts: dict[str, Any] = {}
    for window, period in zip(CAP_WINDOWS, periods_of(at_us), strict=True):
        cap, counter = getattr(project, f"cap_{window}_nanousd"), counters.get((project.id, period))
        amounts[f"cap_{window}_usd"] = None if cap is None else format_usd(cap)
        amounts[f"spent_{window}_usd"] = format_usd(counter.settled_nanousd if counter else 0)
    return ProjectInfo(
        id=project.id,
        account_id=project.account_id,
        name=project.name,
        created_at=rfc3339(project.created_us),
        archived_at=None if project.archived_us is None else rfc3339(project.archived_us),
        **amounts,
    )
