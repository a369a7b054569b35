"""The border to Stripe: customers, Checkout, what its webhooks say, what we owe it to say, and whether the two books agree.

We rate, Stripe collects (docs/decisions/0015): balances, tiers and free credit are the ledger's, in real time; Stripe holds customers,
cards, invoices and tax.  News comes in through an inbox and goes out through an outbox, both tables of the ledger:

    webhook -> verify -> inbox row -> 200 -> read the thing from Stripe -> payments/, invoices/
    ledger  -> outbox row, in the transaction of its cause -> Stripe, again until it is known to have worked

Failure mode: inwards closed, outwards open.  What is not signed, or not what Stripe itself says when asked, credits nothing.
While Stripe is away, requests are served from credit as ever, and the outbox waits.
"""
