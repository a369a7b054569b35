"""A conversation at the terminal: asks, answers, and obeys what begins with a slash."""

from __future__ import annotations

import shlex
from contextlib import suppress
from typing import Any

from tollway import Budget, TollwayError, user
from tollway.cli import show
from tollway.cli.conversation import Conversation
from tollway.cli.pictures import picture
from tollway.cli.screen import NOT_BEGUN, Screen, cost_line

HELP = "/image PATH adds a picture · /reset begins anew · /quit or Ctrl-D ends · Ctrl-C stops an answer"
PROMPT = "> "


def talk(conversation: Conversation, pictures: list[dict[str, Any]], budget: Budget | None) -> None:
    """Until Ctrl-D or /quit.  `pictures` go with the first message."""
    with suppress(ImportError):  # not every Python has it; typing works without
        import readline  # noqa: F401, PLC0415 - importing it lets `input` edit, and remember for as long as this runs
    while (line := _read()) is not None:
        if line.startswith("/"):
            if not _obey(line, conversation, pictures):
                return
        elif line.strip():
            _take_turn(line, conversation, pictures, budget)


def _read() -> str | None:
    """None: Ctrl-D."""
    while True:
        try:
            return input(PROMPT)
        except EOFError:
            show.out().print()
            return None
        except KeyboardInterrupt:
            show.out().print()
            show.remark("Ctrl-D or /quit ends")


def _obey(line: str, conversation: Conversation, pictures: list[dict[str, Any]]) -> bool:
    """Whether to go on."""
    word, _, rest = line.strip().partition(" ")
    if word == "/image":
        _attach(rest, pictures)
    elif word == "/reset":
        conversation.forget()
        pictures.clear()
        show.remark("begun anew; what was said is forgotten, not what it cost")
    elif word != "/quit":
        show.complain(f"there is no {word}: {HELP}; a blank before the slash sends it")
    return word != "/quit"


def _attach(paths: str, pictures: list[dict[str, Any]]) -> None:
    try:
        added = [
            picture(path) for path in shlex.split(paths)
        ]  # as terminals write files that are dropped on them
    except (TollwayError, ValueError) as error:
        show.complain(error)
        return
    pictures += added
    show.remark(f"{len(pictures)} for the next message" if added else "which? /image PATH")


def _take_turn(
    line: str, conversation: Conversation, pictures: list[dict[str, Any]], budget: Budget | None
) -> None:
    screen = Screen()
    said = None
    try:
        turn = conversation.ask(user(line, *pictures), screen)
        said = cost_line(turn, conversation, budget)
        pictures.clear()
    except KeyboardInterrupt:
        said = NOT_BEGUN
    except TollwayError as error:
        screen.end()
        show.complain(error)
    else:
        screen.end()
    show.remark(f"{said}\n")
