"""Requests about projects, of an account's key and of an operator's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tollway._core import wire
from tollway._core.own import Cap, post, written
from tollway._core.request import Call, encode, path
from tollway._types.account import Project


def own() -> Call[list[Project]]:
    return Call("GET", "/v1/projects", wire.list_reader(Project))


def create_own(name: str, caps: Mapping[str, Cap]) -> Call[Project]:
    return post(path("v1", "projects"), {"name": name, **written(caps)}, wire.reader(Project))


def change_own(project_id: str, changes: Mapping[str, Any]) -> Call[Project]:
    where = path("v1", "projects", project_id)
    return Call("PATCH", where, wire.reader(Project), encode(written(changes)))


def everybodys(account: str | None) -> Call[list[Project]]:
    return Call("GET", path("admin", "v1", "projects", account=account), wire.list_reader(Project))


def create(account: str, name: str, caps: Mapping[str, Cap]) -> Call[Project]:
    body = {"account": account, "name": name, **written(caps)}
    return post(path("admin", "v1", "projects"), body, wire.reader(Project))


def change(project_id: str, changes: Mapping[str, Any]) -> Call[Project]:
    where = path("admin", "v1", "projects", project_id)
    return Call("PATCH", where, wire.reader(Project), encode(written(changes)))
