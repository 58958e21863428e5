from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_backend.app.config import Settings
from netra_backend.app.errors import AuthenticationError, SettingsError
from netra_backend.app.services.tokens import mint, verify

SECRET = "s" * 32


def claims(**changes: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    good = {"iss": "netra", "aud": "netra-chat", "sub": "ada", "tenant": "acme", "iat": now, "exp": now + timedelta(hours=1)}
    return {name: value for name, value in (good | changes).items() if value is not None}


def test_a_minted_token_speaks_for_its_user(settings: Settings) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    identity = verify(settings, mint(settings, "acme", "ada", 2, now=now))
    assert (identity.tenant_id, identity.user_id, identity.expires_at) == ("acme", "ada", now + timedelta(hours=2))


def test_an_expired_token_is_refused(settings: Settings) -> None:
    with pytest.raises(AuthenticationError, match="expired"):
        verify(settings, mint(settings, "acme", "ada", 1, now=datetime.now(UTC) - timedelta(hours=2)))


@pytest.mark.parametrize("claim", ["exp", "iat", "sub", "tenant", "iss", "aud"])
def test_a_token_without_a_claim_is_refused(settings: Settings, claim: str) -> None:
    with pytest.raises(AuthenticationError, match=f"lacks the claim '{claim}'"):
        verify(settings, jwt.encode(claims(**{claim: None}), SECRET, algorithm="HS256"))


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "somebody"},
        {"aud": "another"},
        {"aud": ["netra-chat", "another"]},
        {"tenant": ""},
        {"tenant": "  "},
        {"tenant": 7},
        {"tenant": ["acme"]},
        {"sub": ""},
        {"sub": "u" * 257},
        {"sub": "../ada"},
        {"tenant": "default"},
        {"exp": 10**30},
        {"exp": "tomorrow"},
        {"iat": 10**12},
    ],
    ids=str,
)
def test_a_token_with_a_wrong_claim_is_refused(settings: Settings, changes: dict[str, Any]) -> None:
    with pytest.raises(AuthenticationError):
        verify(settings, jwt.encode(claims(**changes), SECRET, algorithm="HS256"))


def test_a_token_signed_with_another_secret_is_refused(settings: Settings) -> None:
    with pytest.raises(AuthenticationError):
        verify(settings, jwt.encode(claims(), "t" * 32, algorithm="HS256"))


@pytest.mark.parametrize("algorithm", ["none", "HS512"])
def test_a_token_cannot_choose_how_it_is_checked(settings: Settings, algorithm: str) -> None:
    token = jwt.encode(claims(), None if algorithm == "none" else "s" * 64, algorithm=algorithm)
    with pytest.raises(AuthenticationError):
        verify(settings.model_copy(update={"jwt_secret": type(settings.jwt_secret)("s" * 64)}), token)


@given(token=st.text() | st.from_regex(r"[\w-]+\.[\w-]+\.[\w-]*", fullmatch=True))
def test_no_text_at_all_gets_past_or_raises_something_else(token: str) -> None:
    with pytest.raises(AuthenticationError):
        verify(Settings(jwt_secret=SECRET), token)


def test_production_mints_no_tokens(settings: Settings) -> None:
    with pytest.raises(SettingsError, match="in development only"):
        mint(settings.model_copy(update={"environment": "production"}), "acme", "ada")


@pytest.mark.parametrize(
    ("tenant", "user", "hours"), [("", "ada", 1), ("acme", " ", 1), ("acme", "ada", 0), ("acme", "ada", 9000), ("demo", "ada", 1)]
)
def test_a_token_that_would_be_useless_is_not_minted(settings: Settings, tenant: str, user: str, hours: float) -> None:
    with pytest.raises(ValueError, match=r"may not be|must be"):
        mint(settings, tenant, user, hours)


@pytest.mark.parametrize(("late_s", "taken"), [(20, True), (40, False)])
def test_clocks_may_differ_by_the_leeway(settings: Settings, late_s: int, taken: bool) -> None:
    token = mint(settings, "acme", "ada", 1.0, now=datetime.now(UTC) - timedelta(hours=1, seconds=late_s))
    if taken:
        assert verify(settings, token).user_id == "ada"
    else:
        with pytest.raises(AuthenticationError, match="expired"):
            verify(settings, token)


def test_a_token_of_a_clock_that_is_ahead_is_taken_too(settings: Settings) -> None:
    assert verify(settings, mint(settings, "acme", "ada", 1.0, now=datetime.now(UTC) + timedelta(seconds=20))).user_id == "ada"
