"""Signing in with OpenID Connect: what the operator's provider says about who somebody is, and which person that is.

Authorization code with PKCE, state and nonce.  The provider is named by the operator (`oidc_issuer`); its discovery
document and keys are fetched from there and remembered for an hour, keys anew as soon as one is missing.  Somebody is known by
the issuer and its `sub`, which never changes; their verified e-mail address says whose that is the first time only.

Failure mode: closed.  A provider that is away, and a token of which anything does not fit, let nobody in; other ways in go on.
"""
