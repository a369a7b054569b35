"""Pages for customers and operators, below `/dashboard`: drawn by the server, from sums (rollups/) and receipts.

They work without scripts, but for what moves: a chart that follows, a playground that streams.  Nothing is fetched from
elsewhere, and the content security policy says so.

Failure mode: closed for who may look, open for what is shown: sums that are behind say as of when they are.
"""
