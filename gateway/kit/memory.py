"""Memory that was freed and that the C library keeps for itself."""

import ctypes


def give_back() -> None:
    """After something large and passing: glibc keeps what lies below a live block until it is told; others do it by themselves."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
