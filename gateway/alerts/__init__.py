"""Saying it in time: rules about an account's spending and credit, what they found, and the messages about it.

`decide.py` is pure: rules, figures, and what fired before, in; what fires and what is over, out.  `fire.py` writes that
down, with the messages to send, in one transaction: a row that can be inserted once decides, so that each rule fires once
per threshold and period, however many processes decide at once.  `deliver.py` sends what is in the outbox: at least once,
with the same id each time.

Rules read sums by day (rollups/) and balances, never events.  Nothing here decides about money: an alert stops nothing.

Failure mode: open.  What cannot be decided or sent now is tried again later, and the page says what was not delivered.
"""
