"""An ID token, checked as OpenID Connect Core 1.0, section 3.1.3.7 asks; the only file that knows the library for it.

The library is imported when somebody signs in: with its cryptography it takes 12 MB and a tenth of a second.
"""

from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

from gateway.oidc.types import Claims, Client, ProviderFailed, SignInRefused

ALGORITHMS = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "Ed25519",
    "EdDSA",
)
"""Signatures with a key of the provider's alone: not `none`, and not HS256, whose key anybody may have guessed."""
LEEWAY_S = 60
"""How far two clocks may be apart."""
SUB_CHARS_MAX = 255


Keys: TypeAlias = "KeySet"


class KeyUnknown(Exception):
    """No key that we have of the provider fits: it may have new ones."""


def read_keys(document: dict[str, Any]) -> Keys:
    """Raises ProviderFailed."""
    from joserfc.errors import JoseError  # noqa: PLC0415 - see above
    from joserfc.jwk import KeySet  # noqa: PLC0415

    try:
        return KeySet.import_key_set({"keys": document["keys"]})
    except (JoseError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProviderFailed("the provider's keys (jwks_uri) cannot be read") from error


def verify(token: str, keys: Keys, client: Client, nonce: str) -> Claims:
    """What it says, when everything fits.

    Raises:
        KeyUnknown: it is signed with a key that is not among these.
        SignInRefused: anything else does not fit.
    """
    from joserfc import jwt  # noqa: PLC0415 - see above
    from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError  # noqa: PLC0415

    rules = jwt.JWTClaimsRegistry(
        leeway=LEEWAY_S,
        iss={"essential": True, "value": client.issuer},
        aud={"essential": True, "value": client.client_id},
        nonce={"essential": True, "value": nonce},
        exp={"essential": True},
        iat={"essential": True},
        sub={"essential": True},
    )
    try:
        said = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
        rules.validate(said)
        claims = msgspec.convert(said, Claims)
    except (InvalidKeyIdError, BadSignatureError) as error:
        raise KeyUnknown from error
    except (JoseError, ValueError) as error:  # msgspec's errors are ValueErrors
        raise SignInRefused(f"the provider's answer does not fit ({_short(error)}); start again") from error
    alone = said["aud"] in (client.client_id, [client.client_id])
    if claims.azp != client.client_id and (claims.azp is not None or not alone):
        raise SignInRefused("the provider's answer is meant for another program; start again")
    if not 0 < len(claims.sub) <= SUB_CHARS_MAX:
        raise SignInRefused("the provider's answer names nobody; start again")
    return claims


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:100]
