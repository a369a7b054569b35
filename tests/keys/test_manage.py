"""What a customer's key may do to its account's keys, and what a stolen one may not."""

from collections.abc import Callable
from typing import Any

import pytest

from gateway.credit.give import open_account
from gateway.errors import BadRequest, Conflict, NotAllowed, NotAuthenticated, NotFound
from gateway.keys import manage, store
from gateway.keys.create import change_key, create_key, rotate_key
from gateway.keys.mint import keyed_hash
from gateway.keys.types import Caller, Key
from gateway.kit.db import Database, WriteConn

SECRET = b"installation"


class Home:
    """Two accounts: ours with a manager, another manager and a plain key; and somebody else's, with a manager."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.ours, self.theirs = self.account("ours"), self.account("theirs")
        self.manager, self.second = self.key(self.ours, True), self.key(self.ours, True)
        self.plain = self.key(self.ours, False)
        self.stranger = self.key(self.theirs, True)

    def account(self, name: str) -> str:
        opened = lambda conn: open_account(conn, name, grant_nanousd=0, kind="top_up", reason="t")  # noqa: E731
        return self.database.write_now(opened).id

    def key(self, account_id: str, manages_keys: bool) -> Key:
        def make(conn: WriteConn) -> Key:
            return create_key(
                conn,
                kind="account",
                account_id=account_id,
                name="k",
                key_secret=SECRET,
                manages_keys=manages_keys,
            )[0]

        return self.database.write_now(make)

    def do(self, act: Callable[..., Any], who: Key, *rest: Any, **named: Any) -> Any:
        caller = Caller(who.id, who.kind, who.account_id)
        return self.database.write_now(lambda conn: act(conn, caller, *rest, **named))

    def create(self, who: Key, **caps: int) -> Key:
        made: Key = self.do(manage.create_own, who, name="made", caps=caps, key_secret=SECRET)[0]
        return made

    def found(self, secret: str) -> Caller | None:
        return self.database.read_now(lambda conn: store.find_caller(conn, keyed_hash(secret, SECRET)))


@pytest.fixture
def home(database: Database) -> Home:
    return Home(database)


def test_a_manager_makes_changes_rotates_and_revokes(home: Home) -> None:
    made = home.create(home.manager, cap_day_nanousd=5)
    assert (made.account_id, made.manages_keys, made.cap_day_nanousd) == (home.ours, False, 5)
    changed = home.do(manage.change_own, home.manager, made.id, {"name": "new", "cap_day_nanousd": None})
    assert (changed.name, changed.cap_day_nanousd) == ("new", None)
    rotated, secret = home.do(manage.rotate_own, home.manager, made.id, SECRET)
    assert (rotated.id, rotated.name, rotated.created_us) == (made.id, "new", made.created_us)
    caller = home.found(secret)
    assert caller is not None
    assert caller.key_id == made.id
    assert home.do(manage.revoke_own, home.manager, made.id, 7).revoked_us == 7
    assert home.found(secret) is None
    with pytest.raises(Conflict, match="revoked"):
        home.do(manage.rotate_own, home.manager, made.id, SECRET)


def test_a_plain_key_rotates_itself_and_nothing_else(home: Home) -> None:
    rotated, secret = home.do(manage.rotate_own, home.plain, home.plain.id, SECRET)
    assert rotated.hint != home.plain.hint
    assert home.found(secret) is not None
    for act, *rest in (
        (manage.create_own,),
        (manage.change_own, home.plain.id, {"name": "x"}),
        (manage.revoke_own, home.plain.id, 1),
        (manage.rotate_own, home.second.id, SECRET),
        (manage.rotate_own, home.stranger.id, SECRET),
        (manage.rotate_own, "key_none", SECRET),
    ):
        named = {} if rest else {"name": "x", "caps": {}, "key_secret": SECRET}
        with pytest.raises(NotAllowed, match="--manages-keys"):
            home.do(act, home.plain, *rest, **named)
    assert home.database.read_now(lambda conn: len(store.list_keys(conn, home.ours))) == 3


def test_no_manager_comes_by_another(home: Home) -> None:
    with pytest.raises(NotAllowed, match="by itself or by an operator"):
        home.do(manage.rotate_own, home.manager, home.second.id, SECRET)
    assert home.do(manage.rotate_own, home.manager, home.manager.id, SECRET)[0].manages_keys
    assert not home.create(home.manager).manages_keys


def test_anothers_key_is_like_none(home: Home) -> None:
    said = []
    for key_id in (home.stranger.id, "key_none"):
        for act, *rest in (
            (manage.change_own, {"name": "x"}),
            (manage.revoke_own, 1),
            (manage.rotate_own, SECRET),
        ):
            with pytest.raises(NotFound) as refused:
                home.do(act, home.manager, key_id, *rest)
            said.append(refused.value.message.replace(key_id, "ID"))
    assert len(set(said)) == 1
    stranger = home.database.read_now(lambda conn: store.find_key(conn, home.stranger.id))
    assert stranger == home.stranger


def test_a_revoked_manager_makes_nothing_in_its_last_second(home: Home) -> None:
    """Its identity may still be cached; what it may do is not."""
    home.do(manage.revoke_own, home.second, home.manager.id, 1)
    with pytest.raises(NotAuthenticated):
        home.create(home.manager)
    with pytest.raises(NotAuthenticated):
        home.do(manage.rotate_own, home.manager, home.manager.id, SECRET)
    home.database.write_now(lambda conn: change_key(conn, home.second.id, {"manages_keys": False}))
    with pytest.raises(NotAllowed):
        home.create(home.second)


def test_both_secrets_are_found_while_they_overlap(home: Home) -> None:
    secrets = [home.do(manage.rotate_own, home.plain, home.plain.id, SECRET, 60)[1] for _ in range(3)]
    first, second, third = (home.found(secret) for secret in secrets)
    assert first is None, "one before the old one"
    assert second is not None
    assert third is not None
    assert (second.key_id, third.key_id, third.replaced_us) == (home.plain.id, home.plain.id, None)
    assert second.replaced_us == home.database.read_now(
        lambda conn: store.find_key(conn, home.plain.id).previous_until_us
    )
    home.do(manage.rotate_own, home.plain, home.plain.id, SECRET)
    assert home.found(secrets[2]) is None, "without an overlap the old secret is gone at once"
    for overlap_s in (-1, 7 * 86_400 + 1):
        with pytest.raises(BadRequest, match="604800 seconds"):
            home.do(manage.rotate_own, home.plain, home.plain.id, SECRET, overlap_s)


def test_limits_are_kept_and_inherited(home: Home) -> None:
    limits = {"scopes": ("chat",), "models": ("m",), "ips": ("10.0.0.0/8",), "expires_us": 2**52}
    home.database.write_now(lambda conn: change_key(conn, home.manager.id, limits))
    made = home.create(home.manager)
    assert {name: getattr(made, name) for name in limits} == limits
    with pytest.raises(NotAllowed, match="scopes: a key gives no more") as refused:
        home.do(manage.change_own, home.manager, made.id, {"scopes": None})
    assert refused.value.param == "scopes"
    with pytest.raises(NotAllowed, match="limited to chat"):
        home.do(manage.rotate_own, home.manager, home.plain.id, SECRET)
    with pytest.raises(NotAllowed, match="made by an operator"):
        home.do(manage.change_own, home.manager, made.id, {"manages_keys": True})
    narrower = home.do(manage.change_own, home.manager, home.manager.id, {"manages_keys": False})
    assert not narrower.manages_keys


def test_a_refused_change_changes_nothing(home: Home) -> None:
    """A refusal does not undo what its transaction wrote before it (kit/db.py)."""
    home.database.write_now(lambda conn: change_key(conn, home.manager.id, {"scopes": ()}))
    with pytest.raises(BadRequest, match="may nothing"):
        home.database.write_now(lambda conn: change_key(conn, home.manager.id, {"manages_keys": False}))
    assert home.database.read_now(lambda conn: store.find_key(conn, home.manager.id)).all_scopes == ("keys",)


def test_an_operator_has_its_own_door(home: Home) -> None:
    operator = home.database.write_now(
        lambda conn: create_key(conn, kind="operator", account_id=None, name="op", key_secret=SECRET)
    )[0]
    with pytest.raises(NotAllowed, match="/admin/v1/keys"):
        home.do(manage.rotate_own, operator, operator.id, SECRET)
    with pytest.raises(BadRequest, match="already"):
        home.database.write_now(lambda conn: change_key(conn, operator.id, {"manages_keys": True}))
    _, secret = home.database.write_now(lambda conn: rotate_key(conn, operator.id, SECRET))
    assert secret.startswith("twop_")


@pytest.mark.parametrize(
    "fields", [{"name": ""}, {"name": " "}, {"name": "x" * 201}, {"cap_day_nanousd": -1}]
)
def test_what_a_key_cannot_be(home: Home, fields: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        home.do(manage.change_own, home.manager, home.plain.id, fields)
    name, caps = fields.get("name", "k"), {each: fields[each] for each in fields if each != "name"}
    with pytest.raises(BadRequest):
        home.do(manage.create_own, home.manager, name=name, caps=caps, key_secret=SECRET)
