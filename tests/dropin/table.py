"""The table of docs/clients.md: which client does what, from the results of a run."""

from pathlib import Path

from tests.dropin.clients import CLIENTS, Client

PAGE = Path(__file__).parents[2] / "docs" / "clients.md"
BEGIN, END = "<!-- made by make test-dropin -->\n", "<!-- until here -->\n"

FEATURES = {
    "chat": "chat",
    "stream": "stream",
    "tools": "tools, and their results",
    "streamed_tools": "streamed tools",
    "image": "images",
    "reasoning": "reasoning",
    "streamed_reasoning": "streamed reasoning",
    "structured": "structured output",
    "embeddings": "embeddings",
    "fim": "fill in the middle",
    "models": "models",
    "errors": "errors as its own",
    "errors_in_a_stream": "errors in a stream",
    "retries": "retries, billed once",
    "timeouts": "its timeouts",
    "cancellation": "leaving a stream",
    "usage": "usage",
    "cost": "cost in `usage`",
}
"""By the name of the test in test_clients.py."""

Results = dict[tuple[str, str], set[str]]
"""How the tests of a column and a feature ended: "passed", "broken" (as it was known to be), or anything else."""


def render(results: Results) -> str:
    """Raises AssertionError: something was not tried in this run, or failed."""
    columns = {client.column: client for client in CLIENTS}
    notes: list[str] = []
    head = [f"{name} {client.version}" for name, client in columns.items()]
    lines = [f"| | {' | '.join(head)} |", "|---|" + "---|" * len(head)]
    for feature, words in FEATURES.items():
        cells = [_cell(client, feature, results, notes) for client in columns.values()]
        lines.append(f"| {words} | {' | '.join(cells)} |")
    foot = [f"{number}. {note}" for number, note in enumerate(notes, 1)]
    return "\n".join([*lines, "", *foot, ""])


def _cell(client: Client, feature: str, results: Results, notes: list[str]) -> str:
    why = client.lacks.get(feature) or client.breaks.get(feature)
    note = ""
    if why is not None:
        notes.extend([why] if why not in notes else [])
        note = f" ({notes.index(why) + 1})"
    if feature in client.lacks:
        return f"–{note}"
    found = results.get((client.column, feature), set())
    assert found in ({"passed"}, {"broken"}), (
        f"{client.column}, {feature}: {sorted(found) or 'not tried in this run'}"
    )
    return "yes" if found == {"passed"} else f"no{note}"
