"""What `tollway login` saves, and who may read it."""

from pathlib import Path
from typing import Any

import pytest
import tollway
from tollway import _profile
from tollway._core.request import Account


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    for name in ("TOLLWAY_API_KEY", "TOLLWAY_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return {"XDG_CONFIG_HOME": str(tmp_path)}


def test_it_is_its_owners_alone_and_can_be_forgotten(environ: dict[str, str]) -> None:
    assert _profile.load(environ) is None
    account = Account("tw_saved", "http://saved")
    file = _profile.save(account, environ)
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(file.parent.iterdir()) == [file]
    assert _profile.load(environ) == account
    assert (_profile.forget(environ), _profile.forget(environ)) == (True, False)


def test_without_a_config_home_it_is_in_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert _profile.path({}) == tmp_path / ".config/tollway/profile.json"


@pytest.mark.parametrize("client", [tollway.Tollway, tollway.AsyncTollway])
def test_clients_use_it_unless_told_otherwise(
    client: Any, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _profile.save(Account("tw_saved", "http://saved/v1"), environ)
    assert client()._link.account == Account("tw_saved", "http://saved")
    assert client("tw_own")._link.account == Account("tw_own", "http://127.0.0.1:8080")
    with pytest.raises(tollway.TollwayError, match="no API key"):
        client(base_url="http://elsewhere")
    monkeypatch.setenv("TOLLWAY_API_KEY", "tw_env")
    assert client()._link.account.api_key == "tw_env"


def test_a_broken_one_says_where_and_how_to_mend_it(environ: dict[str, str]) -> None:
    file = _profile.save(Account("tw_saved", "http://saved"), environ)
    file.write_text("{")
    with pytest.raises(tollway.TollwayError, match="tollway login") as broken:
        tollway.Tollway()
    assert str(file) in str(broken.value)
