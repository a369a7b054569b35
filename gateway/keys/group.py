"""Keys in projects: which project a key may be put into, and what may be changed of a project that has some."""

from collections.abc import Mapping
from typing import Any

from gateway.errors import BadRequest, Conflict
from gateway.keys import store
from gateway.kit.clock import now_us
from gateway.kit.db import WriteConn
from gateway.projects import store as projects
from gateway.projects.draw_up import check
from gateway.projects.types import Project


def open_project(conn: WriteConn, account_id: str | None, name_or_id: str) -> Project:
    """The account's project, which stays open until this transaction ends.

    Raises:
        BadRequest: an operator's key, which spends nothing.
        Conflict: it is archived.
        NotFound: there is none.
    """
    if account_id is None:
        raise BadRequest("an operator's key spends nothing, so it is in no project", param="project")
    found = projects.find_project(conn, name_or_id, account_id)
    project = projects.lock_project(conn, found.id, shared=True)
    if project.archived_us is not None:
        raise Conflict(
            f"the project {project.name!r} is archived; restore it, or choose another", param="project"
        )
    return project


def change_project(
    conn: WriteConn, account_id: str | None, name_or_id: str, changes: Mapping[str, Any]
) -> Project:
    """Sets what is named: `name`, `cap_{day,month,total}_nanousd`, `archived`; None removes a cap.

    What was spent so far counts.  Requests that run keep what they hold.

    Raises:
        BadRequest: a name or cap that is none.
        Conflict: the name is taken, or a project to archive has keys that are not revoked.
        NotFound: there is none.
    """
    check(changes)
    project = projects.lock_project(conn, projects.find_project(conn, name_or_id, account_id).id)
    columns = dict(changes)
    archived = columns.pop("archived", project.archived_us is not None)
    if archived != (project.archived_us is not None):
        if archived:
            _refuse_living(conn, project)
        columns["archived_us"] = now_us() if archived else None
    return projects.change_project(conn, project, columns)


def _refuse_living(conn: WriteConn, project: Project) -> None:
    living = store.count_living(conn, project.id)
    if living:
        raise Conflict(
            f"{living} {'key' if living == 1 else 'keys'} of the project {project.name!r} may still call;"
            " revoke them or move them to another project first",
            param="archived",
        )
