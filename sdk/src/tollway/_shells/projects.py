"""`client.projects` and `admin.projects`: keys in groups, with a budget; blocking and for asyncio."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from tollway._core import projects
from tollway._core.own import Cap
from tollway._shells.transport import AsyncLink, Link
from tollway._types.account import Project


class Projects:
    """The account's projects.  Making and changing them needs a key that `manages_keys`, which operators give."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def list(self) -> list[Project]:
        """All, the oldest first, archived ones too, with their budgets and what was spent of them.

        Raises: AuthenticationFailed, APIConnectionError, or another of the error tree.

        Example: `print([(project.name, project.spent_month) for project in client.projects.list()])`
        """
        return self._link.ask(projects.own())

    def create(
        self, name: str, *, cap_day_usd: Cap = None, cap_month_usd: Cap = None, cap_total_usd: Cap = None
    ) -> Project:
        """A new project.  Its caps, in US dollars per UTC day, month and in all, are the most its keys may spend together.

        Raises: PermissionDenied: this key does not manage keys; Conflict: the name is taken; ValueError: a cap is no
        amount; and what `list` raises.

        Example: `client.projects.create("indexing", cap_month_usd="50").id`
        """
        caps = {"cap_day_usd": cap_day_usd, "cap_month_usd": cap_month_usd, "cap_total_usd": cap_total_usd}
        return self._link.ask(projects.create_own(name, caps))

    def change(
        self,
        project_id: str,
        *,
        name: str | UnsetType = UNSET,
        cap_day_usd: Cap = UNSET,
        cap_month_usd: Cap = UNSET,
        cap_total_usd: Cap = UNSET,
        archived: bool | UnsetType = UNSET,
    ) -> Project:
        """Changes what is given; a cap of None removes it.  What was spent so far counts.  Archived, it takes no keys.

        Raises: NotFound: no such project; Conflict: it has keys that may still call, so it cannot be archived; and what
        `create` raises.

        Example: `client.projects.change(project.id, cap_day_usd="5")`
        """
        caps = {"cap_day_usd": cap_day_usd, "cap_month_usd": cap_month_usd, "cap_total_usd": cap_total_usd}
        return self._link.ask(projects.change_own(project_id, {"name": name, "archived": archived, **caps}))


class AllProjects:
    """Everybody's projects."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def list(self, account: str | None = None) -> list[Project]:
        """All, or one account's (by name or id), the oldest first, archived ones too, with what was spent of them.

        Raises: NotFound: no such account; AuthenticationFailed, PermissionDenied: no operator's key; APIConnectionError,
        or another of the error tree.

        Example: `print([project.name for project in admin.projects.list("acme")])`
        """
        return self._link.ask(projects.everybodys(account))

    def create(
        self,
        account: str,
        name: str,
        *,
        cap_day_usd: Cap = None,
        cap_month_usd: Cap = None,
        cap_total_usd: Cap = None,
    ) -> Project:
        """A project for an account.  Its caps, in US dollars per UTC day, month and in all, are the most its keys may spend together.

        Raises: Conflict: the name is taken; ValueError: a cap is no amount; and what `list` raises.

        Example: `print(admin.projects.create("acme", "indexing", cap_month_usd="50").id)`
        """
        caps = {"cap_day_usd": cap_day_usd, "cap_month_usd": cap_month_usd, "cap_total_usd": cap_total_usd}
        return self._link.ask(projects.create(account, name, caps))

    def change(
        self,
        project_id: str,
        *,
        name: str | UnsetType = UNSET,
        cap_day_usd: Cap = UNSET,
        cap_month_usd: Cap = UNSET,
        cap_total_usd: Cap = UNSET,
        archived: bool | UnsetType = UNSET,
    ) -> Project:
        """Changes what is given; a cap of None removes it.  What was spent so far counts.  Archived, it takes no keys.

        Raises: NotFound: no such project; Conflict: it has keys that may still call, so it cannot be archived; and what
        `create` raises.

        Example: `admin.projects.change(project.id, cap_day_usd="5")`
        """
        caps = {"cap_day_usd": cap_day_usd, "cap_month_usd": cap_month_usd, "cap_total_usd": cap_total_usd}
        return self._link.ask(projects.change(project_id, {"name": name, "archived": archived, **caps}))


class AsyncProjects:
    """`Projects` for asyncio."""

    def __init__(self, link: AsyncLink) -> None:
        self._link = link

    async def list(self) -> list[Project]:
        """`Projects.list`, as a coroutine: `print([project.name for project in await client.projects.list()])`."""
        return await self._link.ask(projects.own())

    async def create(
        self, name: str, *, cap_day_usd: Cap = None, cap_month_usd: Cap = None, cap_total_usd: Cap = None
    ) -> Project:
        """`Projects.create`, as a coroutine: `(await client.projects.create("indexing", cap_month_usd="50")).id`."""
        caps = {"cap_day_usd": cap_day_usd, "cap_month_usd": cap_month_usd, "cap_total_usd": cap_total_usd}
        return await self._link.ask(projects.create_own(name, caps))

    async def change(
        self,
        project_id: str,
        *,
        name: str | UnsetType = UNSET,
        cap_day_usd: Cap = UNSET,
        cap_month_usd: Cap = UNSET,
        cap_total_usd: Cap = UNSET,
        archived: bool | UnsetType = UNSET,
    ) -> Project:
        """`Projects.change`, as a coroutine: `await client.projects.change(project.id, cap_day_usd="5")`."""
        caps = {"cap_day_usd": cap_day_usd, "cap_month_usd": cap_month_usd, "cap_total_usd": cap_total_usd}
        return await self._link.ask(
            projects.change_own(project_id, {"name": name, "archived": archived, **caps})
        )


class AsyncAllProjects:
    """`AllProjects` for asyncio."""

    def __init__(self, link: AsyncLink) -> None:
        self._link = link

    async def list(self, account: str | None = None) -> list[Project]:
        """`AllProjects.list`, as a coroutine: `print([project.name for project in await admin.projects.list("acme")])`."""
        return await self._link.ask(projects.everybodys(account))

    async def create(
        self,
        account: str,
        name: str,
        *,
        cap_day_usd: Cap = None,
        cap_month_usd: Cap = None,
        cap_total_usd: Cap = None,
    ) -> Project:
        """`AllProjects.create`, as a coroutine: `print((await admin.projects.create("acme", "indexing", cap_month_usd="50")).id)`."""
        caps = {"cap_day_usd": cap_day_usd, "cap_month_usd": cap_month_usd, "cap_total_usd": cap_total_usd}
        return await self._link.ask(projects.create(account, name, caps))

    async def change(
        self,
        project_id: str,
        *,
        name: str | UnsetType = UNSET,
        cap_day_usd: Cap = UNSET,
        cap_month_usd: Cap = UNSET,
        cap_total_usd: Cap = UNSET,
        archived: bool | UnsetType = UNSET,
    ) -> Project:
        """`AllProjects.change`, as a coroutine: `await admin.projects.change(project.id, cap_day_usd="5")`."""
        caps = {"cap_day_usd": cap_day_usd, "cap_month_usd": cap_month_usd, "cap_total_usd": cap_total_usd}
        return await self._link.ask(projects.change(project_id, {"name": name, "archived": archived, **caps}))
