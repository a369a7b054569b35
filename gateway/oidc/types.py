import msgspec

from gateway.errors import TollwayError


class ProviderFailed(TollwayError):
    """The provider is away, or answers what cannot be used; nobody is let in."""

    status, code, retryable = 502, "provider_failed", True


class ClientRefused(ProviderFailed):
    """The provider does not know this gateway, or not this secret."""

    code = "client_refused"


class SignInRefused(TollwayError):
    """What the provider said lets this person in nowhere; the message says what they can do."""

    status, code, kind = 401, "sign_in_refused", "authentication_error"


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway, as the provider knows it.  Its `repr` is fit for a log."""

    issuer: str
    client_id: str
    client_secret: str
    """Empty: a public client, which PKCE alone protects."""
    redirect_uri: str

    def __repr__(self) -> str:
        return f"Client({self.client_id!r} at {self.issuer!r})"


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """What we need of OpenID Connect Discovery 1.0, section 3."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One sign-in on its way: what this browser has to come back with."""

    state: str
    nonce: str
    verifier: str
    next_path: str
    expires_us: int


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the browser came back with; empty: not there."""

    code: str = ""
    state: str = ""
    error: str = ""
    iss: str = ""


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """Of an ID token, or of the provider's userinfo."""

    sub: str
    email: str | None = None
    email_verified: bool | None = None
    name: str | None = None
    azp: str | None = None


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who somebody is, by a provider that was asked and whose every word was checked."""

    issuer: str
    sub: str
    email: str
    """Verified by the provider."""
    name: str
