"""Who belongs to an account: asked in, given another role, sent away.  Each change is a line of the log."""

from gateway.errors import BadRequest, Conflict, NotAllowed, NotFound
from gateway.kit.db import WriteConn
from gateway.people import store
from gateway.people.by_mail import note_invitation
from gateway.people.log import record
from gateway.people.roles import ROLES, Role
from gateway.people.sign_in import INVITATION_TTL_US, add_person, new_link
from gateway.people.types import Viewer


def role_named(text: str) -> Role:
    """Raises BadRequest."""
    for role in ROLES:
        if role == text:
            return role
    raise BadRequest(f"{text!r} is no role; use one of {', '.join(ROLES)}", param="role")


def invite(
    conn: WriteConn,
    viewer: Viewer,
    account_id: str,
    email: str,
    role: Role,
    now_us: int,
    *,
    mailed: bool = False,
) -> str | None:
    """A link's secret for somebody who was never here; None: they can sign in already.

    Raises:
        BadRequest: no e-mail address.
        Conflict: they are in already.
        NotAllowed: only owners make owners.
        TooManyAttempts: `mailed`, and so were many in the last minutes.
    """
    _check_owner(viewer, account_id, role)
    if mailed:
        note_invitation(conn, account_id, now_us)
    person = store.find_person(conn, email.strip())
    known = person is not None
    if person is None:
        person = add_person(conn, email, name="", is_operator=False, now_us=now_us)
        record(conn, viewer.email, "person.add", now_us, target=person.email, after={"is_operator": False})
    store.join(conn, account_id, person.id, role, now_us)
    record(
        conn,
        viewer.email,
        "member.invite",
        now_us,
        target=person.email,
        account_id=account_id,
        after={"role": role},
    )
    return None if known else new_link(conn, person.id, now_us, INVITATION_TTL_US)


def change_role(
    conn: WriteConn, viewer: Viewer, account_id: str, person_id: str, role: Role, now_us: int
) -> None:
    """Raises Conflict: the last owner; NotAllowed: only owners make and unmake owners; NotFound: no member."""
    before = _role(conn, viewer, account_id, person_id)
    _check_owner(viewer, account_id, role)
    if not store.set_role(conn, account_id, person_id, role):
        raise Conflict("an account keeps at least one owner; make somebody else one first")
    record(conn, viewer.email, "member.change", now_us, target=person_id, account_id=account_id,
           before={"role": before}, after={"role": role})  # fmt: skip


def remove(conn: WriteConn, viewer: Viewer, account_id: str, person_id: str, now_us: int) -> None:
    """Raises Conflict: the last owner; NotAllowed: only owners unmake owners; NotFound: no member."""
    before = _role(conn, viewer, account_id, person_id)
    if not store.leave(conn, account_id, person_id):
        raise Conflict("an account keeps at least one owner; make somebody else one first")
    record(
        conn,
        viewer.email,
        "member.remove",
        now_us,
        target=person_id,
        account_id=account_id,
        before={"role": before},
    )


def _role(conn: WriteConn, viewer: Viewer, account_id: str, person_id: str) -> Role:
    store.lock(conn, account_id)
    role = store.role_of(conn, account_id, person_id)
    if role is None:
        raise NotFound("they are no member of this account")
    _check_owner(viewer, account_id, role)
    return role


def _check_owner(viewer: Viewer, account_id: str, role: Role) -> None:
    if role == "owner" and not viewer.may(account_id, "manage_owners"):
        raise NotAllowed("only an owner makes or unmakes an owner", param="role")
