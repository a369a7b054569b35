"""Keys: shown once, hashed at rest, found fast, revoked for good."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.credit.give import open_account
from gateway.errors import NotAuthenticated, NotFound
from gateway.keys import store
from gateway.keys.create import create_key
from gateway.keys.find import KeyFinder
from gateway.keys.mint import hint, is_well_formed, keyed_hash, mint
from gateway.keys.types import Kind
from gateway.kit.db import Database, WriteConn
from gateway.settings import Settings
from gateway.start import key_secret

SECRET = b"installation"


@pytest.mark.parametrize(("kind", "prefix"), [("account", "tw_"), ("operator", "twop_")])
def test_a_minted_key_has_prefix_length_and_checksum(kind: Kind, prefix: str) -> None:
    keys = {mint(kind) for _ in range(50)}
    assert len(keys) == 50
    for key in keys:
        assert key.startswith(prefix)
        assert is_well_formed(key)
        assert key[len(prefix) + 4 :] not in hint(key)


@given(st.integers(0, 40), st.characters(codec="ascii"))
def test_any_single_typing_error_is_seen(position: int, character: str) -> None:
    key = mint("account")
    wrong = key[:position] + character + key[position + 1 :]
    assert is_well_formed(wrong) == (wrong == key)


@pytest.mark.parametrize(
    "text",
    ["", "tw_", "sk-123", "tw_" + "é" * 38, mint("account") + "x", mint("account")[:-1]],
    ids=["nothing", "prefix", "openai's", "not-ascii", "too-long", "too-short"],
)
def test_what_is_no_key(text: str) -> None:
    assert not is_well_formed(text)


def test_at_rest_there_is_only_a_keyed_hash() -> None:
    key = mint("account")
    assert keyed_hash(key, b"one") != keyed_hash(key, b"other")
    assert key not in keyed_hash(key, SECRET)


def make(conn: WriteConn) -> tuple[str, str]:
    account = open_account(conn, "payer", grant_nanousd=0, kind="top_up", reason="t")
    key, secret = create_key(conn, kind="account", account_id=account.id, name="k", key_secret=SECRET)
    return key.id, secret


def test_found_revoked_and_refused(database: Database) -> None:
    key_id, secret = database.write_now(make)
    finder = KeyFinder(database, SECRET, cache_s=60)

    async def who() -> str:
        return (await finder.authenticate(f"bearer {secret}")).key_id

    assert asyncio.run(who()) == key_id
    revoked = database.write_now(lambda conn: store.revoke_key(conn, key_id, 123))
    assert revoked.revoked_us == 123
    assert database.write_now(lambda conn: store.revoke_key(conn, key_id, 456)).revoked_us == 123, (
        "the first time stays"
    )
    assert asyncio.run(who()) == key_id, "remembered for cache_s"
    finder.forget()
    with pytest.raises(NotAuthenticated, match="revoked"):
        asyncio.run(who())
    with pytest.raises(NotFound):
        database.write_now(lambda conn: store.revoke_key(conn, "key_none", 1))


def test_the_cache_is_bounded(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.keys.find.CACHE_ENTRIES_MAX", 3)
    finder = KeyFinder(database, SECRET, cache_s=60)

    async def knock() -> None:
        for _ in range(10):
            with pytest.raises(NotAuthenticated):
                await finder.authenticate(f"Bearer {mint('account')}")

    asyncio.run(knock())
    assert len(finder._cache) <= 3


def test_lists_show_no_secret(database: Database) -> None:
    _, secret = database.write_now(make)
    listed = database.read_now(store.list_keys)
    assert [key.name for key in listed] == ["k"]
    assert secret not in repr(listed)
    assert database.read_now(lambda conn: store.list_keys(conn, "acc_other")) == []


def test_the_installations_secret_is_made_once_and_private(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    first = key_secret(settings)
    assert len(first) == 64
    assert key_secret(settings) == first
    assert (tmp_path / "key_secret").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["key_secret"]
    assert key_secret(Settings(data_dir=tmp_path, key_secret="given")) == b"given"
