"""The command line as its users run it: a process of its own, logged in at a running gateway."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients.conftest import real
from tests.fixtures.running import RunningGateway
from tests.sdk_cli.process import Shell

__all__ = ["real"]  # the gateway with the real model


@pytest.fixture
def nobody(tmp_path: Path) -> Shell:
    """Nobody is logged in."""
    return Shell(tmp_path)


@pytest.fixture
def name(fresh: Callable[[], str]) -> str:
    return fresh()


@pytest.fixture
def alice(nobody: Shell, gateway: RunningGateway, name: str) -> Shell:
    """Logged in, with a dollar."""
    done = nobody.run("login", "--base-url", gateway.url, "--key-stdin", stdin=gateway.account(name))
    assert done.returncode == 0, done.stderr
    return nobody
