"""Named periodic work, each idempotent: a job that ran twice, or late, changes nothing more.

Failure mode: open.  A job that fails says so in the log and tries again at its next turn.
"""
