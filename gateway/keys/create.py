"""A new key: the record that stays, and the secret that is shown once."""

from gateway.keys import store
from gateway.keys.mint import hint, keyed_hash, mint
from gateway.keys.types import Key, Kind
from gateway.kit.clock import now_us
from gateway.kit.db import WriteConn
from gateway.kit.ids import new_id


def create_key(
    conn: WriteConn, *, kind: Kind, account_id: str | None, name: str, key_secret: bytes
) -> tuple[Key, str]:
    secret = mint(kind)
    key = Key(
        id=new_id("key"), kind=kind, account_id=account_id, name=name, hint=hint(secret), created_us=now_us()
    )
    store.insert_key(conn, key, keyed_hash(secret, key_secret))
    return key, secret
