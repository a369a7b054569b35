"""Memory that was freed and that the C library keeps for itself."""

import ctypes
import sys


def give_back() -> None:
    """After something large and passing: glibc keeps what lies below a live block until it is told; others give it back, or cannot."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:  # musl has none
        trim(0)
