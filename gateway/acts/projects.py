"""Projects are made and changed."""

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.keys import group
from gateway.keys.manage import managed_account
from gateway.keys.types import Caller
from gateway.kit.clock import now_us
from gateway.kit.db import WriteConn
from gateway.people.log import record
from gateway.projects import store
from gateway.projects.types import Project


def make_project(conn: WriteConn, by: str, project: Project) -> Project:
    """Raises Conflict: the name is taken."""
    store.insert_project(conn, project)
    _record(conn, by, "project.create", None, project)
    return project


def change_project(
    conn: WriteConn, by: str, account_id: str | None, project_id: str, changes: Mapping[str, Any]
) -> Project:
    """As `keys.group.change_project`."""
    before = store.find_project(conn, project_id, account_id)
    after = group.change_project(conn, account_id, project_id, changes)
    if before != after:
        _record(conn, by, "project.change", before, after)
    return after


def make_own(conn: WriteConn, caller: Caller, project: Project) -> Project:
    """Raises Conflict, NotAllowed, NotAuthenticated."""
    managed_account(conn, caller)
    return make_project(conn, caller.actor, project)


def change_own(conn: WriteConn, caller: Caller, project_id: str, changes: Mapping[str, Any]) -> Project:
    """As `change_project`, by a key that may.  Raises NotAllowed, NotAuthenticated besides."""
    return change_project(conn, caller.actor, managed_account(conn, caller), project_id, changes)


def _record(conn: WriteConn, by: str, action: str, before: Project | None, after: Project) -> None:
    was = None if before is None else msgspec.structs.asdict(before)
    record(conn, by, action, now_us(), target=f"{after.id} {after.name}", account_id=after.account_id,
           before=was, after=msgspec.structs.asdict(after))  # fmt: skip
