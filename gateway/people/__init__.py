"""Who looks: people, the accounts that they are members of, their sessions, and the log of what they changed.

People sign in to pages; programs have keys (keys/).  A session is a random secret in a cookie; at rest there is only a hash
of it.  Nothing here decides about money.

Failure mode: closed.  A session that cannot be looked up is no session, and what cannot be logged is not done: a change and
its line in the log are one transaction.
"""
