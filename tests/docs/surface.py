"""The SDK's public surface: what `tollway` and `tollway.admin` export, the resources of their clients, and the public members of all these."""

import inspect
from collections.abc import Iterator
from typing import Any, NamedTuple

import tollway
import tollway.admin
import tollway.webhooks

CLIENTS = (tollway.Tollway, tollway.AsyncTollway, tollway.admin.Admin, tollway.admin.AsyncAdmin)


class Public(NamedTuple):
    """One thing with a docstring; `owner` is a method's or property's class."""

    name: str
    thing: Any
    owner: type | None = None

    @property
    def doc(self) -> str:
        return inspect.cleandoc(self.thing.__doc__ or "")

    @property
    def is_called(self) -> bool:
        return inspect.isfunction(self.thing)


def resources(client: type) -> dict[str, type]:
    """`chat`, `models`, … of a client."""
    return {name: type(each) for name, each in vars(client("tw_k")).items() if not name.startswith("_")}


def surface() -> Iterator[Public]:
    classes = [thing for name in tollway.__all__ if inspect.isclass(thing := getattr(tollway, name))]
    classes += [
        thing
        for module in (tollway.admin, tollway.webhooks)
        for name in module.__all__
        if inspect.isclass(thing := getattr(module, name))
    ]
    for client in CLIENTS:
        classes += resources(client).values()
    members = [each for thing in classes for each in (Public(thing.__name__, thing), *_members(thing))]
    yield Public("tollway", tollway)
    yield Public("tollway.admin", tollway.admin)
    yield Public("tollway.webhooks", tollway.webhooks)
    yield from {id(each.thing): each for each in reversed(members)}.values()  # once, with its first owner
    for module in (tollway, tollway.webhooks):
        for name in module.__all__:
            if inspect.isfunction(thing := getattr(module, name)):
                yield Public(name, thing)


def _members(owner: type) -> Iterator[Public]:
    """Those that are ours, inherited ones too."""
    ours = [each for each in owner.__mro__ if each.__module__.startswith("tollway")]
    for name in sorted({name for each in ours for name in vars(each) if not name.startswith("_")}):
        thing = inspect.getattr_static(owner, name)
        thing = getattr(thing, "__func__", thing)
        if inspect.isfunction(thing) or isinstance(thing, property):
            yield Public(f"{owner.__name__}.{name}", thing, owner)
