"""Statements: what an account used in a month, and what it owes, as JSON, as a page and as a PDF.

A statement is a frozen value made from the ledger; this room draws it and computes no price.  What people read is
worded once (`words.py`), so that the page and the PDF cannot say different things.

Failure mode: open.  A statement that cannot be drawn says so and loses nothing; the ledger is not touched.
"""
