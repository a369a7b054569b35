"""`tollway chat`: one question for a script, or a conversation for a person (`talk.py`)."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import Annotated

import typer

from tollway import ChatFields, Message, Model, Money, TollwayError, user
from tollway.cli import show
from tollway.cli.connect import chat_model, connect, usd
from tollway.cli.conversation import Conversation
from tollway.cli.pictures import picture
from tollway.cli.screen import NOT_BEGUN, Screen, cost_line
from tollway.cli.talk import HELP, talk

INTERRUPTED = 130
"""The exit status that shells give to what Ctrl-C ended."""
NO_PROMPT = "the prompt is empty: give one as an argument, or a text on stdin"


def chat(
    prompt: Annotated[
        str | None,
        typer.Argument(help="Answer this and end; text on stdin comes after it.", show_default=False),
    ] = None,
    model: show.ModelName = None,
    system: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What the model is told first.", show_default=False)
    ] = None,
    image: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE", help="A picture for the first message; may be repeated.", show_default=False
        ),
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="The longest answer.", show_default=False)
    ] = None,
    budget: Annotated[
        Money | None,
        typer.Option(parser=usd, metavar="USD", help="The most this may cost in all.", show_default=False),
    ] = None,
    no_reasoning_prompt: Annotated[
        bool, typer.Option("--no-reasoning-prompt", help="Without a reasoning model's default system prompt.")
    ] = False,
) -> None:
    """Talk to a model.  With a prompt, here or on stdin: one answer on stdout, and its cost on stderr."""
    pictures = [picture(path) for path in image or ()]
    question = _question(prompt)
    with connect() as client:
        card = chat_model(client, model)
        fields: ChatFields = {"model": card.id, "messages": [], "max_tokens": max_tokens}
        if no_reasoning_prompt:
            fields["prompt_mode"] = None
        conversation = Conversation(client, fields, system)
        with nullcontext() if budget is None else client.budget(budget) as limit:
            if question is not None:
                _answer(conversation, user(question, *pictures))
                return
            _greet(card, client.credits.get().remaining)
            talk(conversation, pictures, limit)


def _question(prompt: str | None) -> str | None:
    """The prompt, and what comes on stdin; None: somebody sits there, and will ask."""
    if sys.stdin.isatty():
        if prompt is not None and not prompt.strip():
            raise typer.BadParameter(NO_PROMPT)
        return prompt
    try:
        piped = sys.stdin.buffer.read().decode().rstrip("\n")
    except UnicodeDecodeError as error:
        raise TollwayError("what came on stdin is no UTF-8 text; a picture goes into --image FILE") from error
    parts = [part for part in (prompt, piped) if part and part.strip()]
    if not parts:
        raise typer.BadParameter(NO_PROMPT)
    return "\n\n".join(parts)


def _answer(conversation: Conversation, question: Message) -> None:
    screen = Screen()
    try:
        turn = conversation.ask(question, screen)
    except KeyboardInterrupt:
        show.remark(NOT_BEGUN)
        raise
    finally:
        screen.end()
    show.remark(cost_line(turn))
    if turn.ended == "stopped":
        raise typer.Exit(INTERRUPTED)


def _greet(card: Model, left: Money) -> None:
    prices = card.prices_nanousd_per_mtok
    given, made = show.price(prices.get("input_text")), show.price(prices.get("output_text"))
    show.out().print(show.plain(card.id), style="bold")
    show.remark(f"{given} in, {made} out per million tokens · {left} left")
    show.remark(f"{HELP}\n")
