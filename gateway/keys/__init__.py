"""Who is calling: keys are minted, hashed, found, cached and revoked here.

A key is shown once.  At rest there is only an HMAC-SHA-256 of it under the installation's secret, so a copied
database lets nobody in.  Keys are long and random, so a fast hash is the right one.

Failure mode: closed.  A key that cannot be looked up is refused (503), never believed.
"""
