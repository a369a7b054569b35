"""An agent: it reads a meter in a photograph, looks up with tools what is known of it, and works out the bill.

    python examples/agent_with_tools.py [PICTURE] [--model MODEL] [--budget USD]

A tool is a typed function: its arguments are checked before it is called, and a wrong one is told to the model.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tollway

STEPS_MAX = 8
DIM, PLAIN = ("\033[2m", "\033[0m") if sys.stdout.isatty() else ("", "")
Tariff = Literal["household", "trade"]


@dataclass
class Meter:
    last_reading_kwh: int
    tariff: Tariff


METERS = {"7731": Meter(41_902, "household"), "7732": Meter(118, "trade")}
CENTS_PER_KWH: dict[Tariff, int] = {"household": 31, "trade": 27}
STANDING_CHARGE_CENTS = 950


def look_up_meter(number: str) -> Meter | str:
    """What is on file for a meter.

    Args:
        number: as it is printed on the meter, digits only
    """
    return METERS.get(number, f"There is no meter {number}.")


def bill(used_kwh: int, tariff: Tariff) -> str:
    """What somebody owes for so many kilowatt hours, the standing charge included.

    Args:
        used_kwh: since the last reading
        tariff: the meter's
    """
    cents = used_kwh * CENTS_PER_KWH[tariff] + STANDING_CHARGE_CENTS
    return f"${cents // 100}.{cents % 100:02}"


TOOLS: list[tollway.AnyTool] = [look_up_meter, bill]


def run(client: tollway.Tollway, model: str, picture: Path) -> str:
    """The agent's last word; exits where it has none after some steps."""
    messages = [tollway.user("Here is my meter. What do I owe?", tollway.image(picture))]
    for _ in range(STEPS_MAX):
        answer = client.chat.complete(model=model, messages=messages, tools=TOOLS, max_tokens=2000)
        messages.append(answer.as_message())
        if answer.reasoning:
            print(f"{DIM}{answer.reasoning.strip()}{PLAIN}")
        if not answer.tool_calls:
            return answer.text
        results = tollway.run_tools(answer, TOOLS)
        for call, result in zip(answer.tool_calls, results, strict=True):
            print(f"{call.name}({call.arguments}) = {result['content']}")
        messages += results
    sys.exit(f"no answer after {STEPS_MAX} steps")


def main() -> None:
    parser = argparse.ArgumentParser(description="Work out a bill from a photograph of a meter.")
    parser.add_argument("picture", nargs="?", type=Path, default=Path(__file__).parent / "data/meter.png")
    parser.add_argument("--model", default="magistral-small-2509")
    parser.add_argument("--budget", default="0.05", type=tollway.Money.from_usd, help="US dollars (0.05)")
    args = parser.parse_args()
    with tollway.Tollway() as client, client.budget(args.budget) as budget:
        try:
            print(f"\n{run(client, args.model, args.picture)}")
        finally:
            print(f"cost {budget.spent} of at most {budget.limit}")


if __name__ == "__main__":
    try:
        main()
    except (tollway.TollwayError, OSError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
