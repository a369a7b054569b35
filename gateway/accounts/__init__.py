"""Who pays.  An account owns keys and credit; it has a unique name and is never deleted.

Failure mode: closed.  An account that cannot be read gets no service.
"""
