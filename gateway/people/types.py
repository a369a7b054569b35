import msgspec

from gateway.people.roles import MAY, Action, Role


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may sign in.  An operator of the installation may do everything."""

    id: str
    email: str
    name: str
    password_hash: str | None
    is_operator: bool
    created_us: int
    disabled_us: int | None = None


class Membership(msgspec.Struct, frozen=True, kw_only=True):
    """A person's place in an account."""

    account_id: str
    account_name: str
    role: Role


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A person as the account sees them."""

    person_id: str
    email: str
    name: str
    role: Role
    created_us: int


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """Of one browser; the secret is in its cookie and nowhere else."""

    id: str
    person_id: str
    created_us: int
    seen_us: int
    expires_us: int
    ip: str
    user_agent: str


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the audit log: who did what to what, and how it was before and after, as JSON."""

    id: str
    at_us: int
    actor: str
    action: str
    account_id: str | None
    target: str
    before: str | None
    after: str | None


class Lines(msgspec.Struct, frozen=True, kw_only=True):
    """Which lines of the log: of one account; by, of and about what begins so; at `since_us` or later, before `until_us`."""

    account_id: str | None = None
    actor: str = ""
    action: str = ""
    target: str = ""
    since_us: int | None = None
    until_us: int | None = None


class Viewer(msgspec.Struct, frozen=True, kw_only=True):
    """Whose session it is.  An operator of the installation sees and does everything, in every account."""

    session_id: str
    person_id: str
    email: str
    name: str
    is_operator: bool
    memberships: tuple[Membership, ...]
    csrf: str
    """What this session's forms carry, so that no other site can send them."""

    def role_in(self, account_id: str) -> Role | None:
        return next((each.role for each in self.memberships if each.account_id == account_id), None)

    def may(self, account_id: str, action: Action) -> bool:
        role = self.role_in(account_id)
        return self.is_operator or (role is not None and action in MAY[role])
