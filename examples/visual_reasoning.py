"""Thinking about a picture, as it happens: thought and answer apart, then every token class and the itemized receipt.

python examples/visual_reasoning.py [PICTURE] [QUESTION] [--model MODEL] [--budget USD]
"""

import argparse
import sys
from pathlib import Path

import tollway

PICTURE = Path(__file__).parent / "data/chart.png"
QUESTION = "When is rush hour, and how many cars pass from seven until ten?"
HEADINGS = {tollway.ReasoningDelta: "thought", tollway.TextDelta: "answer"}


def show(stream: tollway.ChatStream) -> tollway.ChatCompletion:
    """Prints what comes, as it comes."""
    last: type | None = None
    for event in stream:
        if isinstance(event, tollway.ReasoningDelta | tollway.TextDelta):
            if type(event) is not last:
                last = type(event)
                print(f"\n\n-- {HEADINGS[last]} --")
            print(event.text, end="", flush=True)
    print("\n")
    return stream.final()


def itemize(receipt: tollway.Receipt) -> None:
    """Prints the receipt as it was rated: each class of tokens at its price."""
    for line in receipt.lines:
        price = f"${line.price_usd_per_mtok} per million"
        print(f"{line.tokens:>7} {line.token_class:<17} {price:<27} {line.cost}")
    print(f"{'in all':<53} {receipt.cost}")


def look(client: tollway.Tollway, model: str, picture: Path, question: str) -> None:
    messages = [tollway.user(question, tollway.image(picture))]
    with client.chat.stream(model=model, messages=messages, max_tokens=4000) as stream:
        answer = show(stream)
    usage = answer.usage
    print(f"in:  {usage.prompt_tokens} tokens, {usage.image_tokens} of them the picture")
    print(f"out: {usage.completion_tokens} tokens, {usage.reasoning_tokens} of them thought\n")
    itemize(client.receipts.get(answer.request_id))


def main() -> None:
    parser = argparse.ArgumentParser(description="Ask about a picture, and watch the model think.")
    parser.add_argument("picture", nargs="?", type=Path, default=PICTURE)
    parser.add_argument("question", nargs="?", default=QUESTION)
    parser.add_argument("--model", default="magistral-small-2509")
    parser.add_argument("--budget", default="0.05", type=tollway.Money.from_usd, help="US dollars (0.05)")
    args = parser.parse_args()
    with tollway.Tollway() as client, client.budget(args.budget) as budget:
        try:
            look(client, args.model, args.picture, args.question)
        finally:
            print(f"cost {budget.spent} of at most {budget.limit}")


if __name__ == "__main__":
    try:
        main()
    except (tollway.TollwayError, OSError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
