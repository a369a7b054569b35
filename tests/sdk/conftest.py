"""Both shells for each case, and no waiting."""

from types import SimpleNamespace

import pytest

from tests.sdk.shells import Shell


@pytest.fixture(params=["sync", "async"])
def shell(request: pytest.FixtureRequest) -> Shell:
    return Shell(request.param)


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the SDK would have slept, in seconds; it does not, and its dice always show 0."""
    slept: list[float] = []

    async def pause(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("tollway._shells.transport.time", SimpleNamespace(sleep=slept.append))
    monkeypatch.setattr("tollway._shells.transport.AsyncLink.pause", staticmethod(pause))
    monkeypatch.setattr("tollway._shells.transport.random", SimpleNamespace(random=lambda: 0.0))
    return slept
