"""Money that people paid, and money that went back: top-ups, payments, refunds, disputes, each a row that is only appended.

What a row says was read from Stripe by `billing/`; this room knows no Stripe.  A payment becomes credit in the transaction
that books it, once per payment, whoever tells of it how often.  Money that goes back takes credit back; what of it is spent already is owed, and
the next payment pays that first.

Failure mode: closed.  What cannot be booked gives no credit; `billing/` keeps the news of it until it can.
"""
