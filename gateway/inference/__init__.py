"""One request, in order.  Read `pipeline.py` first; everything else here is a step it names.

Failure mode: closed towards money (no hold, no work; no durable event, no last byte), and whatever was begun is
accounted for however it ends: completed, client gone, worker broken, deadline passed.
"""
