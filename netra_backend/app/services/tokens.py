"""Bearer tokens: JSON Web Tokens that name the tenant and the user."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from netra_backend.app.config import Settings
from netra_backend.app.errors import AuthenticationError, InvalidContextError, SettingsError
from netra_backend.app.services.user_execution_context import check_id, check_tenant

# The only accepted algorithm, so that a token cannot choose how it is checked.
_ALGORITHM = "HS256"
_REQUIRED = ("exp", "iat", "sub", "tenant", "iss", "aud")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The identity in a valid token."""

    tenant_id: str
    user_id: str
    expires_at: datetime  #: a time with time zone
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False)  #: everything in the token


def mint(settings: Settings, tenant_id: str, user_id: str, hours: float = 8.0, *, now: datetime | None = None) -> str:
    """Return a token for development.

    Args:
        settings: secret, issuer and audience.
        tenant_id: the claim `tenant`.
        user_id: the claim `sub`.
        hours: how long the token is valid; more than 0, at most 8784 (a year).
        now: the time of issue; None: the current time.

    Raises:
        SettingsError: in production, where tokens come from the identity provider.
        ValueError: `hours` is out of range.
        InvalidContextError: an id breaks a rule of `UserExecutionContext`, so the token would be useless.
    """
    if settings.environment == "production":
        raise SettingsError("tokens are minted in development only; in production your identity provider signs them with NETRA_JWT_SECRET")
    if not 0 < hours <= 366 * 24:
        raise ValueError("hours must be more than 0 and at most 8784")
    check_tenant(tenant_id)
    check_id("user", user_id)
    issued = now or datetime.now(UTC)
    claims = {
        "iss": settings.jwt_issuer,
        "aud": settings.jwt_audience,
        "sub": user_id,
        "tenant": tenant_id,
        "iat": issued,
        "exp": issued + timedelta(hours=hours),
    }
    return jwt.encode(claims, settings.jwt_secret.get_secret_value(), algorithm=_ALGORITHM)


def verify(settings: Settings, token: str) -> Identity:
    """Return the identity in the token.

    Raises:
        AuthenticationError: the token is malformed, forged, expired, has another issuer or audience, or lacks a claim. The message never
            quotes the token.
    """
    try:
        claims = jwt.decode(
            token,
            settings.jwt_secret.get_secret_value(),
            algorithms=[_ALGORITHM],
            audience=settings.jwt_audience,
            issuer=settings.jwt_issuer,
            leeway=settings.jwt_leeway_s,
            options={"require": list(_REQUIRED), "strict_aud": True},
        )
        tenant, user = check_tenant(claims["tenant"]), check_id("sub", claims["sub"])
        expires_at = datetime.fromtimestamp(int(claims["exp"]), UTC)
    except jwt.ExpiredSignatureError:
        raise AuthenticationError("the token has expired; get a new one") from None
    except jwt.MissingRequiredClaimError as error:
        raise AuthenticationError(f"the token lacks the claim {error.claim!r}") from None
    except InvalidContextError as error:
        raise AuthenticationError(f"the claim {error.field!r} {error.rule}") from None
    except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError, OSError):
        raise AuthenticationError("the token is not valid here; get a new one") from None
    return Identity(tenant_id=tenant, user_id=user, expires_at=expires_at, claims=claims)
