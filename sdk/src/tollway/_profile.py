"""What `tollway login` saved: a key and its gateway, in a file that only its owner may read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from tollway._core.request import Account, gateway_url
from tollway._errors import TollwayError

__all__ = ["Account", "base_url", "forget", "load", "path", "save"]

FILE = Path("tollway/profile.json")


def path(environ: Mapping[str, str]) -> Path:
    """Below `XDG_CONFIG_HOME`, else `~/.config`."""
    home = environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / FILE


def load(environ: Mapping[str, str]) -> Account | None:
    """None: nobody logged in.  Raises TollwayError: the file cannot be read."""
    file = path(environ)
    try:
        return msgspec.json.decode(file.read_bytes(), type=Account)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise TollwayError(f"{file} cannot be read ({error}); run `tollway login` again") from error


def base_url(given: str | None, environ: Mapping[str, str]) -> str:
    """Where a login goes: as given, as in the environment, where the last one went, or to this machine."""
    try:
        saved = load(environ)
    except TollwayError:
        saved = None  # logging in is how that is mended
    return gateway_url(given, environ, saved)


def save(profile: Account, environ: Mapping[str, str]) -> Path:
    """Where it is now.  Raises OSError."""
    file = path(environ)
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(msgspec.json.encode(profile))
    fresh.replace(file)
    return file


def forget(environ: Mapping[str, str]) -> bool:
    """Whether there was one.  Raises OSError."""
    file = path(environ)
    was = file.exists()
    file.unlink(missing_ok=True)
    return was
