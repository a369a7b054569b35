"""A new project, to be inserted; what may be said of one.  Changing one concerns its keys: keys/group.py."""

from collections.abc import Mapping
from typing import Any

from gateway.errors import BadRequest
from gateway.kit.clock import now_us
from gateway.kit.ids import new_id
from gateway.projects.types import Project

NAME_CHARS_MAX = 200


def draw_up(account_id: str, name: str, caps: Mapping[str, int | None] | None = None) -> Project:
    """A project to insert; `caps`: `cap_{day,month,total}_nanousd`.  Raises BadRequest."""
    fields: dict[str, Any] = {"name": name, **(caps or {})}
    check(fields)
    return Project(id=new_id("prj"), account_id=account_id, created_us=now_us(), **fields)


def check(fields: Mapping[str, Any]) -> None:
    """Raises BadRequest: a name or a cap that is none."""
    name = fields.get("name")
    if name is not None and (not name.strip() or len(name) > NAME_CHARS_MAX):
        raise BadRequest(f"a project needs a name of 1 to {NAME_CHARS_MAX} characters", param="name")
    for field, value in fields.items():
        if field.startswith("cap_") and value is not None and value < 0:
            param = field.replace("_nanousd", "_usd")
            raise BadRequest("a budget is not negative; 0 stops the project from spending", param=param)
