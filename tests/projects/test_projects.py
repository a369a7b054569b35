"""Projects and their keys: names, budgets, who is in which, and when one may be archived."""

from typing import Any

import pytest

from gateway.errors import BadRequest, Conflict, NotFound
from gateway.keys.create import change_key, create_key
from gateway.keys.group import change_project
from gateway.keys.mint import keyed_hash
from gateway.keys.store import find_caller, find_key, revoke_key
from gateway.kit.db import Database
from gateway.projects.draw_up import draw_up
from gateway.projects.store import find_project, insert_project, list_projects, lock_project, names_of
from gateway.projects.types import Project
from tests.fixtures.ledger import Books

SECRET = b"s"


class Office:
    """An account with a project, and another account with one of the same name."""

    def __init__(self, database: Database) -> None:
        self.database = database
        books = Books(database)
        self.account, self.other = books.account(10**9)[0], books.account(10**9)[0]
        books.close()
        self.project = self.open(self.account, "search", cap_day_nanousd=5)
        self.foreign = self.open(self.other, "search")

    def open(self, account_id: str, name: str, **caps: int | None) -> Project:
        project = draw_up(account_id, name, caps)
        for _ in range(2):  # as after a commit whose answer was lost
            self.database.write_now(lambda conn: insert_project(conn, project))
        return project

    def key(self, project: str | None = None) -> tuple[str, str]:
        key, secret = self.database.write_now(
            lambda conn: create_key(
                conn,
                kind="account",
                account_id=self.account,
                name="k",
                key_secret=SECRET,
                caps={"project": project},
            )
        )
        return key.id, secret

    def change(self, key_id: str, **changes: Any) -> str | None:
        return self.database.write_now(lambda conn: change_key(conn, key_id, changes)).project_id

    def archive(self, archived: bool = True, **more: Any) -> Project:
        changes = {"archived": archived, **more}
        return self.database.write_now(
            lambda conn: change_project(conn, self.account, self.project.id, changes)
        )


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database)


def test_a_project_is_found_by_name_or_id_in_its_account_alone(office: Office) -> None:
    def find(name_or_id: str, account_id: str | None = None) -> Project:
        return office.database.read_now(lambda conn: find_project(conn, name_or_id, account_id))

    assert office.project.id.startswith("prj_")
    assert find("search", office.account) == find(office.project.id) == office.project
    assert find("search", office.other) == office.foreign
    for name_or_id, account_id in [
        ("search", None),
        (office.foreign.id, office.account),
        ("x", office.account),
    ]:
        with pytest.raises(NotFound, match="there is no project"):
            find(name_or_id, account_id)
    listed = office.database.read_now(lambda conn: list_projects(conn, office.account))
    assert listed == [office.project]
    assert len(office.database.read_now(list_projects)) == 2
    assert office.database.read_now(lambda conn: names_of(conn, [office.foreign.id])) == {
        office.foreign.id: "search"
    }


def test_an_id_is_stronger_than_a_name_that_looks_like_it(office: Office) -> None:
    office.open(office.account, office.project.id)
    found = office.database.read_now(lambda conn: find_project(conn, office.project.id, office.account))
    assert found == office.project


def test_a_name_is_taken_once_in_an_account(office: Office) -> None:
    with pytest.raises(Conflict, match=office.project.id):
        office.open(office.account, "search")
    chat = office.open(office.account, "chat")
    change = lambda name: office.database.write_now(  # noqa: E731
        lambda conn: change_project(conn, office.account, "chat", {"name": name})
    )
    with pytest.raises(Conflict):
        change("search")
    assert (change("chat"), change("talk").name) == (chat, "talk")


@pytest.mark.parametrize(
    ("fields", "param"),
    [({"name": " "}, "name"), ({"name": "x" * 201}, "name"), ({"cap_day_nanousd": -1}, "cap_day_usd")],
)
def test_what_makes_no_project_is_refused(office: Office, fields: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        office.database.write_now(lambda conn: change_project(conn, None, office.project.id, fields))
    assert refusal.value.param == param
    caps = {field: value for field, value in fields.items() if field != "name"}
    with pytest.raises(BadRequest):
        draw_up(office.account, fields.get("name", "n"), caps)


def test_a_caller_knows_its_project_and_the_budget(office: Office) -> None:
    key_id, secret = office.key("search")
    hashed = keyed_hash(secret, SECRET)
    caller = office.database.read_now(lambda conn: find_caller(conn, hashed))
    assert caller is not None
    assert (caller.key_id, caller.project_id, caller.project_cap_day_nanousd) == (
        key_id,
        office.project.id,
        5,
    )
    assert (caller.project_cap_month_nanousd, caller.cap_day_nanousd) == (None, None)
    assert office.change(key_id, project=None) is None
    caller = office.database.read_now(lambda conn: find_caller(conn, hashed))
    assert caller is not None
    assert (caller.project_id, caller.project_cap_day_nanousd) == (None, None)


def test_a_key_goes_only_into_an_open_project_of_its_account(office: Office) -> None:
    key_id, _ = office.key()
    for theirs in (office.foreign.id, "nothing"):
        with pytest.raises(NotFound):
            office.change(key_id, project=theirs)
        with pytest.raises(NotFound):
            office.key(theirs)
    assert office.change(key_id, project="search") == office.project.id
    assert office.change(key_id, name="renamed") == office.project.id
    operator, _ = office.database.write_now(
        lambda conn: create_key(conn, kind="operator", account_id=None, name="o", key_secret=SECRET)
    )
    with pytest.raises(BadRequest, match="in no project"):
        office.change(operator.id, project="search")


def test_a_project_is_archived_when_no_key_of_it_can_call(office: Office) -> None:
    leaving, revoked = office.key("search")[0], office.key("search")[0]
    with pytest.raises(Conflict, match="2 keys of the project 'search' may still call"):
        office.archive(name="renamed")
    assert office.database.read_now(lambda conn: find_project(conn, office.project.id)) == office.project
    office.change(leaving, project=None)
    with pytest.raises(Conflict, match="1 key of"):
        office.archive()
    office.database.write_now(lambda conn: revoke_key(conn, revoked, 1))
    archived = office.archive(cap_day_nanousd=None)
    assert archived.archived_us is not None
    assert (archived.cap_day_nanousd, office.archive()) == (None, archived)
    with pytest.raises(Conflict, match="is archived; restore it"):
        office.key("search")
    with pytest.raises(Conflict, match="is archived"):
        office.change(leaving, project="search")
    kept = office.database.read_now(lambda conn: find_key(conn, revoked))
    assert kept.project_id == office.project.id
    assert office.archive(archived=False, cap_day_nanousd=5).archived_us is None
    assert office.change(leaving, project="search") == office.project.id
    assert office.database.write_now(lambda conn: lock_project(conn, office.project.id)) == office.project
