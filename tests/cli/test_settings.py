"""Settings: one frozen value, from the environment over the file over the defaults, secrets masked, all documented."""

import re
from pathlib import Path

import msgspec
import pytest

from gateway.settings import Settings, SettingsError, WorkerSettings, load, parse_worker

DOCS = Path(__file__).parents[2] / "docs" / "settings.md"


def test_every_setting_has_its_heading() -> None:
    headings = set(re.findall(r"^### `(\w+)`", DOCS.read_text("utf-8"), re.MULTILINE))
    assert headings == set(Settings.__struct_fields__)


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "tollway.toml"
    file.write_text(
        'port = 9000\nhost = "0.0.0.0"\n[[workers]]\nurl = "http://gpu:8000"\nmodels = { "magistral-small-2509" = "m" }\n'
    )
    settings = load({"TOLLWAY_PORT": "9001"}, file, host=None, processes=2)
    assert (settings.port, settings.host, settings.processes) == (9001, "0.0.0.0", 2)
    assert settings.workers == (WorkerSettings("http://gpu:8000", {"magistral-small-2509": "m"}),)
    assert load({"TOLLWAY_CONFIG": str(file)}).port == 9000


def test_types_are_read_from_text() -> None:
    settings = load(
        {
            "TOLLWAY_LOG_JSON": "true",
            "TOLLWAY_KEY_CACHE_S": "0.5",
            "TOLLWAY_DATA_DIR": "/x",
            "TOLLWAY_EMBEDDED": "false",
        },
        Path("/dev/null"),
    )
    assert (settings.log_json, settings.key_cache_s, settings.data_dir, settings.embedded) == (
        True,
        0.5,
        Path("/x"),
        False,
    )
    workers = load({"TOLLWAY_WORKERS": "http://a:1=m1,m2 http://b:2/v1/"}, Path("/dev/null")).workers
    assert workers == (WorkerSettings("http://a:1", {"m1": "m1", "m2": "m2"}), WorkerSettings("http://b:2"))
    assert parse_worker("http://a:1") == {"url": "http://a:1", "models": {}}


def test_the_sdks_variables_and_mistrals_key_are_known() -> None:
    settings = load(
        {"TOLLWAY_API_KEY": "tw_x", "TOLLWAY_BASE_URL": "http://x", "MISTRAL_API_KEY": "k"}, Path("/dev/null")
    )
    assert settings.mistral_api_key == "k"
    assert not settings.wants_embedded


@pytest.mark.parametrize(
    ("text", "says"),
    [("port = ", "not valid TOML"), ("prot = 1", "unknown field `prot`"), ("data_dir = 5", "not a path"),
     ("processes = 0", "at least 1"), ("body_bytes_max = 0", "positive"), ("connect_timeout_s = 0", "positive"),
     ("key_cache_s = -1", "negative"), ('[[workers]]\nurl = "x"', "http://")],
)  # fmt: skip
def test_a_file_that_cannot_be_used(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "tollway.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=says):
        load({}, file)


def test_secrets_are_masked() -> None:
    settings = Settings(
        mistral_api_key="sesame",
        key_secret="open",
        database_url="postgresql://u:pass@h/d",
        smtp_url="smtp://u:letter@h",
        mail_from="a@b.example",
        public_url="https://x.example",
        workers=(WorkerSettings("http://w", api_key="door"),),
    )
    shown = msgspec.json.encode(settings.masked()).decode()
    for text in (shown, repr(settings)):
        assert not any(secret in text for secret in ("sesame", "open", "pass", "letter", "door"))
    assert settings.database == "postgresql+psycopg://u:pass@h/d"
    assert Settings(database_url="postgres://h/d").database == "postgresql+psycopg://h/d"
    assert Settings(database_url="sqlite:///x").database == "sqlite:///x"
