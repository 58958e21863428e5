"""Problems between this process and LaunchDarkly, as sentences for operators.

Texts of libraries are interpreted and never passed on: they may contain secrets.
"""

import re
from http import HTTPStatus
from typing import Final

from ldclient.interfaces import DataSourceErrorInfo, DataSourceErrorKind

SDK_KEY: Final = "NETRA_MIGRATION_LAUNCHDARKLY_SDK_KEY"
API_TOKEN: Final = "NETRA_MIGRATION_LAUNCHDARKLY_API_TOKEN"  # noqa: S105 - the name of a setting
_CA_FILE: Final = "NETRA_MIGRATION_LAUNCHDARKLY_CA_FILE"

PAGE: Final = "a page came back where LaunchDarkly was expected (a proxy or a sign-in page?); check the address and the proxy"
LATE: Final = "it does not answer in time"
UNREADABLE: Final = "its answer cannot be read"
_OTHER_NAME: Final = "its TLS certificate is for another name; check the address"
_NO_NAME: Final = "its name cannot be resolved; check the address and the name server"
_CUT: Final = "the connection was cut"
_AWAY: Final = "it cannot be reached"
_HOST: Final = re.compile(r"(?:host|url)[=:] ?'[^']*'")

_SIGNS: Final = (
    ("certificate has expired", "its TLS certificate has expired; have it renewed (or correct this machine's clock)"),
    ("certificate is not yet valid", "its TLS certificate is not valid yet; correct the clock of this machine or of the server"),
    ("hostname mismatch", _OTHER_NAME),
    ("ip address mismatch", _OTHER_NAME),
    ("doesn't match", _OTHER_NAME),
    (
        "certificate verify failed",
        f"its TLS certificate is signed by an authority that this machine does not trust; name the authority in {_CA_FILE}",
    ),
    ("wrong_version_number", "it does not speak TLS; is the address http:// instead of https://?"),
    ("[ssl", "TLS cannot be negotiated; check the address and any proxy in between"),
    ("to proxy", "the proxy cannot be reached; check HTTPS_PROXY and NO_PROXY"),
    ("content type", PAGE),
    ("name or service not known", _NO_NAME),
    ("failed to resolve", _NO_NAME),
    ("refused", "the connection is refused; is it running, and is the port right?"),
    ("timed out", LATE),
    ("timeout", LATE),
    ("incomplete", "the answer ends too early"),
    ("prematurely", _CUT),
    ("closed", _CUT),
    ("reset", _CUT),
    ("aborted", _CUT),
    ("disconnected", _CUT),
    ("connect", _AWAY),
    ("errno", _AWAY),
    ("retries", _AWAY),
)
"""Texts of libraries (in lower case), and what they mean; the first match counts."""


def status_trouble(status: int, credential: str = SDK_KEY) -> str:
    """Return what an HTTP status means; `credential` is the setting that may be wrong."""
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return f"the key is refused ({status}); check {credential}: it has to be the one of this environment"
    if status == HTTPStatus.NOT_FOUND:
        return "there is nothing at that address (404); check the address, and that it is of LaunchDarkly or its Relay Proxy"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "too many requests (429); it will be tried again later"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return f"it has an internal error ({status})"
    return f"it answers with status {status}"


def text_trouble(text: str, otherwise: str = _AWAY) -> str:
    """Return what a library's message means; `otherwise` is returned for an unknown message."""
    lower = _HOST.sub("", text.lower())
    return next((meaning for sign, meaning in _SIGNS if sign in lower), otherwise)


def sdk_trouble(error: DataSourceErrorInfo | None) -> str:
    """Return the problem of the SDK's data source."""
    if error is None:
        return "the SDK lost it without giving a reason"
    if error.kind is DataSourceErrorKind.ERROR_RESPONSE:
        return status_trouble(error.status_code)
    if error.kind is DataSourceErrorKind.INVALID_DATA:
        return UNREADABLE
    if error.kind is DataSourceErrorKind.STORE_ERROR:
        return "the flags that it sends cannot be used"
    # All other errors come from the connection: the SDK does not distinguish its own exceptions from others.
    return text_trouble(error.message or "", otherwise=UNREADABLE)
