"""Pictures from the command line."""

from __future__ import annotations

import os
from typing import Any

from tollway import TollwayError, image


def picture(path: str) -> dict[str, Any]:
    """As a part of a message.  Raises TollwayError: there is none at this path."""
    try:
        return image(os.path.expanduser(path))  # noqa: PTH111 - it may be a URL, of which a Path would be none
    except OSError as error:
        raise TollwayError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise TollwayError(str(error)) from error
