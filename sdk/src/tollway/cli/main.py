"""The entry point, which says what to install where the extra `cli` is missing."""

from __future__ import annotations

import sys

EXTRA = frozenset({"typer", "rich"})


def main() -> None:
    """Ends the process with the command's exit status."""
    try:
        from tollway.cli.app import run  # noqa: PLC0415 - needs the extra

        status = run(sys.argv[1:])
    except ModuleNotFoundError as error:
        if error.name not in EXTRA:
            raise
        sys.exit("tollway: the command line needs an extra, and Python 3.11: pip install 'tollway[cli]'")
    sys.exit(status)
