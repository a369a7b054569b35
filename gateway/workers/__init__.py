"""Who generates: the list of workers and the Mistral API, choosing one, and talking HTTP to it.

The only room that knows an HTTP client.  A worker is believed about nothing but its answer: every await has a
deadline, every line and body a bound, and what it reports is checked before it is billed.

Failure mode: open between workers (one that cannot be reached is passed over), closed towards money (a worker
that breaks costs the caller nothing).
"""
