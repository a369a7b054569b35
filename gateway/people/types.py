import msgspec

from gateway.people.roles import MAY, Action, Role


class Membership(msgspec.Struct, frozen=True, kw_only=True):
    """A person's place in an account."""

    account_id: str
    account_name: str
    role: Role


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
