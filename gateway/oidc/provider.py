"""The flow: where a browser is sent, and what is made of what it comes back with."""

import base64
import hmac
import re
import time
from urllib.parse import quote, urlencode

import msgspec

from gateway.oidc.attempt import begin, challenge_of
from gateway.oidc.fetch import Fetcher, decoded, is_safe
from gateway.oidc.types import (
    Answer,
    Attempt,
    Claims,
    Client,
    ClientRefused,
    Identity,
    Metadata,
    ProviderFailed,
    SignInRefused,
)
from gateway.oidc.verify import Keys, KeyUnknown, read_keys, verify

CACHE_S = 3600.0
SCOPE = "openid email profile"
_AGAIN = "this sign-in was used already, took too long, or began in another browser; start again"


class _Tokens(msgspec.Struct):
    id_token: str
    access_token: str = ""


class _Error(msgspec.Struct):
    error: str = ""


class Provider:
    """One issuer.  `close` it with the application."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._fetcher = Fetcher(client.issuer)
        self._metadata: tuple[float, Metadata] | None = None
        self._keys: tuple[float, Keys] | None = None

    async def address(self, attempt: Attempt) -> str:
        """Where the browser goes.  Raises ProviderFailed."""
        metadata = await self._discovered()
        asked = {
            "response_type": "code",
            "client_id": self._client.client_id,
            "redirect_uri": self._client.redirect_uri,
            "scope": SCOPE,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": challenge_of(attempt),
            "code_challenge_method": "S256",
        }
        joint = "&" if "?" in metadata.authorization_endpoint else "?"
        return f"{metadata.authorization_endpoint}{joint}{urlencode(asked)}"

    async def identity(self, attempt: Attempt | None, answer: Answer) -> Identity:
        """Who came back.

        Raises:
            ProviderFailed: the provider is away, or does not know this gateway.
            SignInRefused: the answer is not this browser's, was used, or anything in it does not fit.
        """
        if attempt is None or not hmac.compare_digest(answer.state.encode(), attempt.state.encode()):
            raise SignInRefused(_AGAIN)
        metadata = await self._discovered()
        needed = metadata.authorization_response_iss_parameter_supported
        if (answer.iss or needed) and answer.iss != metadata.issuer:
            raise SignInRefused("the answer came from another provider; start again")
        if answer.error or not answer.code:
            why = answer.error if re.fullmatch(r"[a-z_]{1,40}", answer.error) else "no reason given"
            raise SignInRefused(f"the provider did not let you in ({why}); start again, or ask who runs it")
        tokens = await self._exchange(metadata, attempt, answer.code)
        claims = await self._verified(metadata, tokens.id_token, attempt.nonce)
        if not claims.email and metadata.userinfo_endpoint and tokens.access_token:
            claims = await self._asked(metadata, tokens.access_token, claims)
        if not claims.email:
            raise SignInRefused(
                "the provider does not say your e-mail address; whoever runs it can change that"
            )
        if not claims.email_verified:
            raise SignInRefused(
                "the provider has not verified your e-mail address; verify it there, and start again"
            )
        return Identity(
            issuer=metadata.issuer, sub=claims.sub, email=claims.email.strip().lower(), name=claims.name or ""
        )

    async def check(self) -> None:
        """That there is a provider, that it has keys, and knows us.  Raises ProviderFailed."""
        metadata = await self._discovered()
        await self._fetched_keys(metadata)
        try:
            await self._exchange(metadata, begin("", 0), "no code of yours")
        except SignInRefused:
            return  # it minds the code, so it did not mind us
        raise ProviderFailed("the provider takes codes that it never gave")

    async def close(self) -> None:
        await self._fetcher.close()

    async def _discovered(self) -> Metadata:
        if self._metadata is not None and self._metadata[0] > time.monotonic():
            return self._metadata[1]
        url = self._client.issuer.rstrip("/") + "/.well-known/openid-configuration"
        found = decoded(url, *await self._fetcher.ask("GET", url, headers={}), Metadata)
        if found.issuer != self._client.issuer:
            raise ProviderFailed(
                f"the provider calls itself {found.issuer[:200]!r}; set oidc_issuer to exactly that"
            )
        for address in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
            if not is_safe(address):
                raise ProviderFailed(f"the provider names an address without https: {address[:100]!r}")
        self._metadata = time.monotonic() + CACHE_S, found
        return found

    async def _exchange(self, metadata: Metadata, attempt: Attempt, code: str) -> _Tokens:
        """The code for the tokens, with the proof that we asked for it."""
        client, url = self._client, metadata.token_endpoint
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": client.redirect_uri,
            "code_verifier": attempt.verifier,
        }
        headers = {}
        if client.client_secret and "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
            pair = f"{quote(client.client_id, safe='')}:{quote(client.client_secret, safe='')}"
            headers = {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        else:
            form["client_id"] = client.client_id
            if client.client_secret:
                form["client_secret"] = client.client_secret
        status, body = await self._fetcher.ask("POST", url, form=form, headers=headers)
        if status in (400, 401):
            _refuse(body)
        return decoded(url, status, body, _Tokens)

    async def _verified(self, metadata: Metadata, token: str, nonce: str) -> Claims:
        """With the keys that we have, or, if none fits, with those that the provider has now."""
        try:
            return verify(token, await self._known_keys(metadata), self._client, nonce)
        except KeyUnknown:
            fresh = await self._fetched_keys(metadata)
        try:
            return verify(token, fresh, self._client, nonce)
        except KeyUnknown as error:
            raise SignInRefused(
                "the provider's answer is not signed with a key of its own; start again"
            ) from error

    async def _asked(self, metadata: Metadata, access_token: str, known: Claims) -> Claims:
        """Some providers keep the address out of the token; their userinfo has it."""
        url, headers = metadata.userinfo_endpoint, {"authorization": f"Bearer {access_token}"}
        said = decoded(url, *await self._fetcher.ask("GET", url, headers=headers), Claims)
        if said.sub != known.sub:
            raise SignInRefused("the provider speaks of two people; start again")
        return said

    async def _known_keys(self, metadata: Metadata) -> Keys:
        if self._keys is not None and self._keys[0] > time.monotonic():
            return self._keys[1]
        return await self._fetched_keys(metadata)

    async def _fetched_keys(self, metadata: Metadata) -> Keys:
        url = metadata.jwks_uri
        keys = read_keys(decoded(url, *await self._fetcher.ask("GET", url, headers={}), dict))
        self._keys = time.monotonic() + CACHE_S, keys
        return keys


def _refuse(body: bytes) -> None:
    """RFC 6749, section 5.2.  Raises always."""
    try:
        said = msgspec.json.decode(body, type=_Error).error
    except msgspec.DecodeError:
        said = ""
    if said == "invalid_grant":
        raise SignInRefused(_AGAIN)
    if said in ("invalid_client", "unauthorized_client"):
        raise ClientRefused(
            "the provider does not accept this gateway; its operator checks oidc_client_id and _secret"
        )
    raise SignInRefused(
        "the provider refused to say who you are; start again, or tell whoever runs this gateway"
    )
