"""The page of projects: budgets are set, kept and shown; keys go in and out; usage tells them apart."""

import csv
import io
from collections.abc import Callable, Iterator

import pytest
import tollway

from gateway.projects.store import list_projects
from gateway.projects.types import Project
from tests.dashboard.browsing import Browser, signed_in
from tests.fixtures.running import RunningGateway, chat, eventually

Name = Callable[[], str]


class Office:
    """An owner of an account, and the page of its projects."""

    def __init__(self, gateway: RunningGateway, name: str) -> None:
        self.gateway, self.name = gateway, name
        self.secret = gateway.account(name)
        self.account_id = gateway.balance(name).account_id
        self.home = f"/dashboard/accounts/{self.account_id}"
        self.projects = f"{self.home}/projects"
        self.owner: Browser = signed_in(gateway, f"{name}@example.com", **{name: "owner"})
        with tollway.Tollway(self.secret, gateway.url) as client:
            [self.key] = client.keys.list()

    def make(self, name: str, **caps: str) -> Project:
        answer = self.owner.fill(self.projects, self.projects, name=name, **caps)
        assert answer.headers["location"].endswith("done=made")
        found = self.gateway.database.read_now(lambda conn: list_projects(conn, self.account_id))
        return next(each for each in found if each.name == name)

    def act(self, project: Project, act: str, **fields: str) -> str:
        return self.owner.fill(self.projects, f"{self.projects}/{project.id}/{act}", **fields).headers[
            "location"
        ]

    def move(self, project_id: str) -> None:
        page = f"{self.home}/keys/{self.key.id}"
        answer = self.owner.fill(page, f"{page}/project", project=project_id)
        assert answer.headers["location"].endswith("done=project")


@pytest.fixture
def office(gateway: RunningGateway, fresh: Name) -> Iterator[Office]:
    opened = Office(gateway, fresh())
    yield opened
    opened.owner.close()


def test_a_budget_from_the_page_is_kept_and_shown(office: Office) -> None:
    assert "There is no project yet" in office.owner.page(office.projects)
    assert '<select name="project"' not in office.owner.page(f"{office.home}/keys")
    project = office.make("search", cap_day="0.00004")
    office.move(project.id)
    with tollway.Tollway(office.secret, office.gateway.url) as client:
        with pytest.raises(tollway.ProjectCapReached) as refusal:
            for _ in range(100):
                client.chat.complete(**chat("ok"))
        assert (refusal.value.window, refusal.value.project_id) == ("day", project.id)
        office.act(project, "caps", name="search", cap_month="1")
        client.chat.complete(**chat("ok"))
    page = office.owner.page(f"{office.projects}?done=caps")
    assert "Saved: it counts from now on." in page
    assert 'aria-label="search: spent this month"' in page
    assert "1 key ·" in page
    assert "revoke its keys or move them" in page
    assert office.name in office.owner.page(f"{office.home}/keys")


def test_it_is_archived_when_its_keys_are_gone_and_comes_back(office: Office) -> None:
    project = office.make("search")
    office.move(project.id)
    archive = f"{office.projects}/{project.id}/archive"
    assert f'action="{archive}"' not in office.owner.page(office.projects)
    office.move("")
    assert office.act(project, "archive").endswith("done=archive")
    assert "archived" in office.owner.page(office.projects)
    assert "Project</th>" not in office.owner.page(f"{office.home}/keys")
    assert office.act(project, "restore").endswith("done=restore")
    office.move(project.id)
    late = office.owner.post(archive, data={"csrf": csrf_of(office.owner.page(office.projects))})
    assert (late.status_code, "may still call" in late.text) == (409, True)


def test_a_key_is_made_in_a_project_and_usage_tells_them_apart(office: Office) -> None:
    project = office.make("=search")
    made = office.owner.fill(f"{office.home}/keys", f"{office.home}/keys", name="inside", project=project.id)
    secret = made.text.split('id="secret">')[1].split("<")[0]
    for each in (office.secret, secret):
        with office.gateway.api(each) as api:
            assert api.post("/v1/chat/completions", json=chat("ok")).status_code == 200

    def rows(query: str = "") -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(office.owner.get(f"{office.home}/usage.csv{query}").text)))

    eventually(lambda: len(rows()) == 2, "both are in the sums", timeout_s=5)
    assert {(row["key_name"], row["project_id"], row["project_name"]) for row in rows()} == {
        (office.name, "", ""),
        ("inside", project.id, "'=search"),
    }
    [only] = rows(f"?project_id={project.id}")
    assert only["key_name"] == "inside"
    table = office.owner.page(f"{office.home}/usage?group=project").split("<tbody>")[1]
    assert ("in no project" in table, "=search" in table) == (True, True)
    assert (
        "in no project"
        not in office.owner.page(f"{office.home}/usage?group=project&project_id={project.id}").split(
            "<tbody>"
        )[1]
    )


def csrf_of(page: str) -> str:
    return page.split('name="csrf" value="')[1].split('"', maxsplit=1)[0]
