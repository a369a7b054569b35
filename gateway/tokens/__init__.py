"""How big is it?  An upper bound of a prompt in microseconds, for the hold; an exact count, for the bill.

`types.py` is the prompt as decoded from a client, `bound.py` the bound, `count.py` the count by the rules of
`template_v13.py` with the vocabulary of `tekken.py`; `images.py` prices pictures by the size that `headers.py` reads.

Failure mode: closed.  What cannot be bounded is refused (PromptRejected) before any credit moves; a vocabulary that
is not, byte for byte, the one the counts were proven with is refused at start.  A picture behind a link is never
fetched: it is held at the most that any picture can take, and `PromptCount.images_unread` says so.
"""
