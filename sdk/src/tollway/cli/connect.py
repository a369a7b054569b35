"""The client of whoever is logged in, and the model that is meant."""

from __future__ import annotations

import os

import typer

from tollway import Model, Money, Tollway, TollwayError, _profile


def is_logged_in() -> bool:
    """Raises TollwayError: what was saved cannot be read."""
    return bool(os.environ.get("TOLLWAY_API_KEY")) or _profile.load(os.environ) is not None


def connect() -> Tollway:
    """Raises TollwayError: nobody is logged in, or elsewhere."""
    if not os.environ.get("TOLLWAY_API_KEY"):
        saved, where = _profile.load(os.environ), _profile.base_url(None, os.environ)
        if saved is None:
            raise TollwayError("nobody is logged in: run `tollway login`, or set TOLLWAY_API_KEY")
        if where != _profile.base_url(saved.base_url, os.environ):
            raise TollwayError(
                f"the saved key is for {saved.base_url}, and TOLLWAY_BASE_URL is {where}: unset it, or run `tollway login`"
            )
    return Tollway()


def chat_model(client: Tollway, name: str | None) -> Model:
    """The one of this name; without a name the only one there is to chat with.

    Raises:
        TollwayError: there is none, or nobody serves it.
        typer.BadParameter: there are several, and none was named.
    """
    if name is not None:
        return client.models.get(name)
    served = [model for model in client.models.list() if model.capabilities.get("completion_chat", True)]
    if not served:
        raise TollwayError("no model is served here at the moment")
    if len(served) > 1:
        raise typer.BadParameter(f"say which model: {', '.join(model.id for model in served)}")
    return served[0]


def usd(text: str) -> Money:
    """An amount on the command line.  Raises typer.BadParameter."""
    try:
        amount = Money.from_usd(text.removeprefix("$"))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    if amount.nanousd < 0:
        raise typer.BadParameter("an amount is not negative")
    return amount
