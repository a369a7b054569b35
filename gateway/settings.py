"""What an installation may set: `TOLLWAY_*` in the environment, over `tollway.toml`, over the defaults here.

Read once into one frozen value.  Unknown names, wrong types and impossible combinations stop the start with a
message that names the setting.  Every setting has its heading in `docs/settings.md` (a test).
"""

import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from gateway.kit.networks import is_network
from gateway.settings_checks import check_mail, check_oidc, check_stripe, require

CONFIG_FILE = "tollway.toml"
PREFIX = "TOLLWAY_"
CLAIM_MARGIN_S = 60.0
"""How much longer the claim on an Idempotency-Key lives than a request may: time to settle it."""
JOIN_TOKEN_CHARS_MIN = 16
LEASE_TTL_S_MIN = 15.0
"""Three times as long as a write is tried again (kit/db.py)."""


class SettingsError(Exception):
    """A setting that cannot be used; the message says which, and how to mend it."""


class WorkerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `[[workers]]` table: a server that generates.

    `models` maps a catalogue model to the worker's own name for it; empty means: ask its `/v1/models`.
    """

    url: str
    models: dict[str, str] = {}
    api_key: str = ""
    weight: int = 1
    """Its capacity beside the others'."""
    concurrency_max: int | None = None
    """Requests at once, from all processes of this gateway together."""
    usd_per_mtok: dict[str, str] = {}
    """What a million tokens there cost you: `input` and `output`, in dollars.  For the policy `cheapest`."""

    def __repr__(self) -> str:
        return f"WorkerSettings({self.url!r})"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    data_dir: Path = Path(".data")
    database_url: str = ""
    """Empty: the SQLite file `tollway.db` in `data_dir`."""
    host: str = "127.0.0.1"
    port: int = 8080
    processes: int = 1
    workers: tuple[WorkerSettings, ...] = ()
    embedded: bool | None = None
    """The embedded worker.  Left out: started when no worker and no Mistral key is given."""
    price_book: Path | None = None
    """A TOML file to seed the price book from, instead of the one that ships."""
    mistral_api_key: str = ""
    mistral_url: str = "https://api.mistral.ai"
    key_secret: str = ""
    """Keys are stored as HMAC-SHA-256 under this.  Empty: made once, kept in `data_dir`."""
    key_cache_s: float = 1.0
    """How long a key's lookup is remembered: the longest time a revoked key still works in another process."""
    trusted_proxies: tuple[str, ...] = ()  # they alone are believed about who calls
    body_bytes_max: int = 16 * 2**20
    request_deadline_s: float = 600.0
    connect_timeout_s: float = 5.0
    first_byte_timeout_s: float = 120.0
    chunk_gap_s_max: float = 60.0
    lease_ttl_s: float = 60.0
    """The credit that a process drew is given back when nothing was heard of it for this long: it has died."""
    lease_idle_s: float = 1.0
    """Credit that was drawn in advance and not used for this long goes back to its account."""
    stream_hold_tokens: int = 4096
    """How many tokens of a stream's answer are held at a time; a longer one extends its hold as it goes."""
    limit_requests_per_minute: int | None = None
    limit_input_tokens_per_minute: int | None = None
    limit_output_tokens_per_minute: int | None = None
    limit_concurrency: int | None = None
    """What each account may use at most unless an operator says otherwise.  Left out: no limit."""
    policy: str = "local-then-mistral"
    """Which workers serve, and in which order: `local-only`, `local-then-mistral`, `cheapest`, `mistral-only`."""
    policies: dict[str, str] = {}
    """The same for single models, by id."""
    queue_max: int = 256
    """How many requests may wait in a process when every worker is busy; 0: none."""
    queue_wait_s: float = 30.0
    hedge_share: float = 0.0
    """At most this share of requests is sent to a second worker when the first is unusually slow to begin."""
    join_token: str = ""
    """Workers that know it may join by themselves (`tollway-gateway join`).  Empty: none may."""
    public_url: str = ""
    """Where browsers find this gateway: what links in mails point to.  Pages work without it."""
    smtp_url: str = ""
    """The server that takes mails: `smtp://user:password@host:port` or `smtps://…`.  Empty: no mail is sent."""
    mail_from: str = ""
    """Whose name is under them: an address, or `Name <address>`."""
    webhook_private_targets: bool = False
    """Whether alerts may be posted to http, and to addresses that are not public: for receivers in your own network."""
    oidc_issuer: str = ""
    """An OpenID Connect provider where people may sign in.  Empty: none."""
    oidc_client_id: str = ""
    oidc_client_secret: str = ""
    oidc_name: str = "single sign-on"
    """As the button has it: `Sign in with …`."""
    oidc_domains: tuple[str, ...] = ()
    """Whoever has a verified e-mail address of these may sign up by themselves."""
    stripe_api_key: str = ""
    """`sk_live_…`, `sk_test_…` or a restricted `rk_…`.  Empty: nobody pays by card, and nothing else is missing."""
    stripe_webhook_secret: str = ""
    """`whsec_…`, by which webhooks are known to be Stripe's; two with a space between while it is changed."""
    stripe_sink: Literal["invoice_items", "meters", "none"] = "invoice_items"
    """How the usage of postpaid accounts reaches Stripe: rated by us, counted by Stripe's meters, or not."""
    stripe_tax: bool = False
    """Whether Stripe Tax adds tax."""
    stripe_url: str = ""
    """Somewhere else than Stripe: for tests."""
    idempotency_ttl_s: float = 3600.0
    """How long the answer to an Idempotency-Key is kept, to be given again."""
    audit_share: float = 0.01
    """The share of requests whose prompt and answer are counted a second time, off the path, for the drift report."""
    log_json: bool | None = None
    """JSON lines on standard error.  Left out: JSON unless standard error is a terminal."""

    def __post_init__(self) -> None:
        require(0 <= self.port <= 65535, "port", "is no TCP port; use 1-65535, or 0 for a free one")
        require(self.processes >= 1, "processes", "must be at least 1")
        require(self.body_bytes_max > 0, "body_bytes_max", "must be positive")
        for name in (
            "request_deadline_s",
            "connect_timeout_s",
            "first_byte_timeout_s",
            "chunk_gap_s_max",
            "idempotency_ttl_s",
            "lease_idle_s",
            "stream_hold_tokens",
        ):
            require(getattr(self, name) > 0, name, "must be positive")
        for name in ("audit_share", "hedge_share"):
            require(0 <= getattr(self, name) <= 1, name, "is a share: between 0 and 1")
        for name in [name for name in self.__struct_fields__ if name.startswith("limit_")]:
            value = getattr(self, name)
            require(value is None or value >= 1, name, "must be at least 1; leave it out for no limit")
        for name in ("queue_max", "queue_wait_s"):
            require(getattr(self, name) >= 0, name, "must not be negative")
        require(
            not self.join_token or len(self.join_token) >= JOIN_TOKEN_CHARS_MIN,
            "join_token",
            f"must have at least {JOIN_TOKEN_CHARS_MIN} characters: whoever has it gets your customers' prompts",
        )
        require(self.key_cache_s >= 0, "key_cache_s", "must not be negative")
        require(
            self.lease_ttl_s >= LEASE_TTL_S_MIN,
            "lease_ttl_s",
            f"must be at least {LEASE_TTL_S_MIN:g} s: a short silence of the database must not end running requests",
        )
        check_mail(self)
        check_oidc(self)
        check_stripe(self)
        for proxy in self.trusted_proxies:
            require(is_network(proxy), "trusted_proxies", f"lists {proxy!r}; write 10.0.0.2, fd00::/8")
        for worker in self.workers:
            limit = worker.concurrency_max
            require(worker.weight >= 1, "workers", "has a weight below 1; leave it out for 1")
            require(limit is None or limit >= 1, "workers", "has a concurrency_max below 1; leave it out")
            require(
                worker.url.startswith(("http://", "https://")),
                "workers",
                f"has the URL {worker.url!r}; write it like http://127.0.0.1:8000",
            )

    def __repr__(self) -> str:
        return f"Settings({self.masked()})"

    @property
    def database(self) -> str:
        """The SQLAlchemy URL in force; a plain `postgresql://` is given the psycopg driver that is installed."""
        if not self.database_url:
            return f"sqlite:///{self.data_dir.absolute() / 'tollway.db'}"
        for scheme in ("postgresql://", "postgres://"):
            if self.database_url.startswith(scheme):
                return "postgresql+psycopg://" + self.database_url.removeprefix(scheme)
        return self.database_url

    @property
    def wants_embedded(self) -> bool:
        if self.embedded is not None:
            return self.embedded
        return not self.workers and not self.mistral_api_key

    def masked(self) -> dict[str, Any]:
        """For `doctor` and logs: secrets are shown as set or not, and a database password is hidden."""
        values = msgspec.to_builtins(self, enc_hook=str)
        for name in _SECRETS:
            values[name] = "(set)" if values[name] else ""
        for worker in values["workers"]:
            worker["api_key"] = "(set)" if worker["api_key"] else ""
        for name in ("database_url", "smtp_url"):
            head, at, tail = values[name].rpartition("@")
            if at:
                values[name] = f"{head.partition('://')[0]}://…@{tail}"
        return values  # type: ignore[no-any-return]


def load(environ: Mapping[str, str] | None = None, file: Path | None = None, **overrides: Any) -> Settings:
    """The settings in force; `overrides` (from the command line) win, and a None among them counts as left out.

    Raises:
        SettingsError: naming the setting, where it came from, and what it should be.
    """
    environ = os.environ if environ is None else environ
    path = file or Path(environ.get(PREFIX + "CONFIG", CONFIG_FILE))
    values: dict[str, Any] = {}
    if path.exists():
        try:
            values.update(tomllib.loads(path.read_text("utf-8")))
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(f"{path} is not valid TOML: {error}") from error
    elif file is not None or PREFIX + "CONFIG" in environ:
        raise SettingsError(f"{path} does not exist, but was named as the configuration file")
    values.update(_from_environment(environ))
    values.update({name: value for name, value in overrides.items() if value is not None})
    try:
        return msgspec.convert(values, Settings, strict=False, dec_hook=decode_path)
    except msgspec.ValidationError as error:
        raise SettingsError(
            f"{error} (settings come from TOLLWAY_* variables, {path} and options)"
        ) from error


def decode_path(kind: type[Any], value: object) -> Path:
    """Msgspec's hook for the one type here that it does not know."""
    if kind is not Path or not isinstance(value, str):
        raise ValueError(f"{value!r} is not a path")
    return Path(value)


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, text in environ.items():
        if not name.startswith(PREFIX) or name == PREFIX + "CONFIG" or name in _SDK_VARIABLES:
            continue
        field = name.removeprefix(PREFIX).lower()
        if field not in Settings.__struct_fields__:
            raise SettingsError(f"{name} is set, but there is no setting `{field}`; see docs/settings.md")
        values[field] = _LISTS[field](text) if field in _LISTS else text
    if "mistral_api_key" not in values and environ.get("MISTRAL_API_KEY"):
        values["mistral_api_key"] = environ["MISTRAL_API_KEY"]
    return values


_SECRETS = (
    "mistral_api_key", "key_secret", "join_token", "oidc_client_secret", "stripe_api_key", "stripe_webhook_secret",
)  # fmt: skip
_SDK_VARIABLES = frozenset({"TOLLWAY_API_KEY", "TOLLWAY_BASE_URL"})
"""The SDK's names; a developer's shell may hold both, and they mean nothing to the gateway."""


def parse_worker_list(text: str) -> list[dict[str, Any]]:
    """`URL[=model,model] URL…`, as `--worker` takes it one at a time."""
    return [parse_worker(item) for item in text.split()]


def parse_worker(text: str) -> dict[str, Any]:
    """`http://127.0.0.1:8000` or `http://127.0.0.1:8000=model-a,model-b`."""
    url, _, names = text.partition("=")
    models = {name.strip(): name.strip() for name in names.split(",") if name.strip()}
    return {"url": url.rstrip("/").removesuffix("/v1"), "models": models}


_LISTS: dict[str, Callable[[str], list[Any]]] = {"workers": parse_worker_list, "oidc_domains": str.split, "trusted_proxies": str.split}  # fmt: skip
"""How those settings that are lists are written in a variable."""
