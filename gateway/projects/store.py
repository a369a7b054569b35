"""All SQL about projects."""

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import select, update

from gateway.errors import Conflict, NotFound
from gateway.kit.db import ReadConn, WriteConn, rows, upsert
from gateway.projects.tables import projects
from gateway.projects.types import Project


def insert_project(conn: WriteConn, project: Project) -> None:
    """Again: changes nothing.  Raises Conflict when the name is taken."""
    _refuse_taken(conn, project.account_id, project.name, project.id)
    conn.execute(upsert(conn.dialect.name, projects), msgspec.structs.asdict(project))


def change_project(conn: WriteConn, project: Project, changes: dict[str, Any]) -> Project:
    """Changes the columns that are named, of a project that is locked.  Raises Conflict when the name is taken."""
    if "name" in changes:
        _refuse_taken(conn, project.account_id, changes["name"], project.id)
    if changes:
        conn.execute(update(projects).where(projects.c.id == project.id).values(**changes))
    return msgspec.structs.replace(project, **changes)


def list_projects(conn: ReadConn | WriteConn, account_id: str | None = None) -> list[Project]:
    """Of one account or of everybody, the oldest first, archived ones too."""
    query = select(projects).order_by(projects.c.created_us, projects.c.id)
    if account_id is not None:
        query = query.where(projects.c.account_id == account_id)
    return rows(Project, conn.execute(query))


def find_project(conn: ReadConn | WriteConn, name_or_id: str, account_id: str | None = None) -> Project:
    """Of one account, by its name or id; of anybody, by its id.  Raises NotFound: another account's looks the same."""
    by_id = projects.c.id == name_or_id
    query = select(projects).where(by_id)
    if account_id is not None:
        query = select(projects).where(
            by_id | (projects.c.name == name_or_id), projects.c.account_id == account_id
        )
    found = sorted(rows(Project, conn.execute(query)), key=lambda project: project.id != name_or_id)
    if not found:
        raise NotFound(
            f"there is no project {name_or_id!r}; the list of projects says which there are", param="project"
        )
    return found[0]


def lock_project(conn: WriteConn, project_id: str, *, shared: bool = False) -> Project:
    """One that is known to exist; `shared`: others may do so too, but nobody changes it until this transaction ends."""
    query = select(projects).where(projects.c.id == project_id)
    return rows(Project, conn.execute(query.with_for_update(read=shared, key_share=not shared)))[0]


def account_of(conn: ReadConn, project_id: str) -> str | None:
    """None: there is no such project."""
    return conn.execute(select(projects.c.account_id).where(projects.c.id == project_id)).scalar()


def names_of(conn: ReadConn, project_ids: Iterable[str]) -> dict[str, str]:
    """By id."""
    query = select(projects.c.id, projects.c.name).where(projects.c.id.in_(list(project_ids)))
    return {row.id: row.name for row in conn.execute(query)}


def _refuse_taken(conn: WriteConn, account_id: str, name: str, project_id: str) -> None:
    """Archived ones keep their names: statements and receipts of the past show them."""
    same = (projects.c.account_id == account_id, projects.c.name == name, projects.c.id != project_id)
    taken = conn.execute(select(projects.c.id).where(*same)).scalar()
    if taken is not None:
        raise Conflict(
            f"there is a project named {name!r} already ({taken}); choose another name", param="name"
        )
