"""How big is it?  Upper bounds of a prompt, in microseconds, for the hold.

Failure mode: closed.  A part whose size cannot be bounded is refused before any credit moves.
"""
