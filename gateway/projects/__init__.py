"""What an account divides its spending into.  A project groups keys, has a name of its own in its account, and a budget: the
most that its keys together may spend per UTC day, per month and in all.  It is archived, never deleted: its bills name it.

What is spent is counted, and a budget kept, by `credit/` under the account's lock; here is only what the budget says.

Failure mode: closed.  A project that cannot be read gets no new key, and its keys are not found either.
"""
