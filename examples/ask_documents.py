"""Questions about documents: finds the passages that matter, looks at pages that are pictures, checks every source.

    python examples/ask_documents.py [QUESTION] [FILE ...] [--model MODEL] [--budget USD]

Texts are cut into passages at blank lines, and ranked by embeddings where the gateway has a model for them, else by the
words that they share with the question.  Every picture (PNG) is a page, and is looked at.
"""

import argparse
import math
import re
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import tollway

DATA = Path(__file__).parent / "data"
QUESTION = "What does a lorry with five axles pay at night, and how much less is that than by day?"
PASSAGES_MAX = 4


@dataclass
class Answer:
    """What the model answers."""

    answer: str
    sources: list[str]


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def by_words(question: str, texts: list[str]) -> list[float]:
    """BM25: words of the question count, rare ones more, and less in a long passage."""
    passages = [Counter(words(text)) for text in texts]
    mean = sum(passage.total() for passage in passages) / len(passages)
    scores = [0.0] * len(passages)
    for word in set(words(question)):
        having = sum(word in passage for passage in passages)
        rarity = math.log(1 + (len(passages) - having + 0.5) / (having + 0.5))
        for place, passage in enumerate(passages):
            often, length = passage[word], passage.total() / mean
            scores[place] += rarity * often * 2.2 / (often + 1.2 * (0.25 + 0.75 * length))
    return scores


def by_vectors(client: tollway.Tollway, model: str, question: str, texts: list[str]) -> list[float]:
    """The cosine of each passage's angle with the question, but for a constant."""
    asked, *vectors = client.embeddings.create(model=model, input=[question, *texts]).vectors
    return [sum(a * b for a, b in zip(asked, each, strict=True)) / math.hypot(*each) for each in vectors]


def find(client: tollway.Tollway, question: str, files: list[Path]) -> dict[str, str]:
    """The best passages, by name."""
    passages = {
        f"{file.name} {number}": text.strip()
        for file in files
        for number, text in enumerate(file.read_text("utf-8").split("\n\n"), 1)
    }
    model = next((card.id for card in client.models.list() if card.capabilities.get("embeddings")), None)
    texts = list(passages.values())
    scores = by_vectors(client, model, question, texts) if model else by_words(question, texts)
    print(f"{len(passages)} passages, ranked by {model or 'words'}")
    best = sorted(zip(scores, passages, strict=True), reverse=True)[:PASSAGES_MAX]
    return {name: passages[name] for _, name in best}


def ask(client: tollway.Tollway, model: str, question: str, files: list[Path]) -> None:
    """Prints the answer and its sources; exits where it names one that it was not shown."""
    pages = {file.name: tollway.image(file) for file in files if file.suffix == ".png"}
    found = find(client, question, [file for file in files if file.suffix != ".png"])
    task = "Answer from these sources alone, and name those that you used as they are named in brackets."
    shown: list[str | dict[str, object]] = [f"[{name}]\n{text}" for name, text in found.items()]
    for name, picture in pages.items():
        shown += [f"[{name}]", picture]
    messages = [tollway.user(f"{task}\n\n{question}", *shown)]
    estimate = client.estimate(model=model, messages=messages, max_tokens=2000)
    print(
        f"{estimate.prompt_tokens} tokens, {estimate.image_tokens} of pictures; at most {estimate.cost_max}"
    )
    answer = client.chat.parse(Answer, model=model, messages=messages, max_tokens=2000).value
    if made_up := set(answer.sources) - found.keys() - pages.keys():
        sys.exit(f"refused: it names {', '.join(sorted(made_up))}, and was shown no such source")
    print(f"\n{answer.answer}")
    for name in answer.sources:
        print(f"  [{name}] {found.get(name, 'a picture')}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Ask documents a question.")
    parser.add_argument("question", nargs="?", default=QUESTION)
    parser.add_argument(
        "files", nargs="*", type=Path, default=[DATA / "rules.txt", DATA / "night_tariff.png"]
    )
    parser.add_argument("--model", default="magistral-small-2509")
    parser.add_argument("--budget", default="0.05", type=tollway.Money.from_usd, help="US dollars (0.05)")
    args = parser.parse_args()
    with tollway.Tollway() as client, client.budget(args.budget) as budget:
        try:
            ask(client, args.model, args.question, args.files)
        finally:
            print(f"cost {budget.spent} of at most {budget.limit}")


if __name__ == "__main__":
    try:
        main()
    except (tollway.TollwayError, OSError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
