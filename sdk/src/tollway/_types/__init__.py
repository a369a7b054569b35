"""What comes back, as frozen structs.  Unknown fields are ignored, so that an older SDK reads a newer gateway.

Money on the wire is integer nano-dollars (1 USD = 10^9) and, for people, a decimal string; here it is also a `Money`.
Instants are RFC 3339 strings in UTC.
"""
