"""What a library met, in a sentence for operators: what to do, and no text of the library."""

import pytest
from ldclient.interfaces import DataSourceErrorInfo, DataSourceErrorKind

from migration.flags.sources.trouble import LATE, PAGE, SDK_KEY, UNREADABLE, sdk_trouble, status_trouble, text_trouble


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, SDK_KEY),
        (403, SDK_KEY),
        (404, "check the address"),
        (429, "tried again later"),
        (500, "internal error (500)"),
        (418, "status 418"),
    ],
)
def test_a_status_says_what_to_check(status, said):
    assert said in status_trouble(status)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("certificate verify failed: unable to get local issuer", "does not trust"),
        ("CERTIFICATE HAS EXPIRED", "has expired"),
        ("HTTPSConnectionPool(host='refused.example', port=443): Read timed out.", LATE),
        ("Connection refused", "is the port right"),
        ("[Errno -2] Name or service not known", "cannot be resolved"),
        ("[SSL: WRONG_VERSION_NUMBER]", "does not speak TLS"),
        ("wrong content type text/html", PAGE),
        ("something new with key sdk-123", "it cannot be reached"),
    ],
)
def test_a_librarys_text_is_interpreted_and_never_passed_on(text, said):
    assert said in text_trouble(text)
    assert "sdk-123" not in text_trouble(text)


@pytest.mark.parametrize(
    ("kind", "status", "said"),
    [
        (DataSourceErrorKind.ERROR_RESPONSE, 401, "the key is refused (401)"),
        (DataSourceErrorKind.INVALID_DATA, 0, UNREADABLE),
        (DataSourceErrorKind.STORE_ERROR, 0, "cannot be used"),
        (DataSourceErrorKind.UNKNOWN, 0, UNREADABLE),
    ],
)
def test_what_the_sdk_met_is_told_by_its_kind(kind, status, said):
    assert said in sdk_trouble(DataSourceErrorInfo(kind, status, 0.0, "x"))


def test_a_loss_without_a_reason_is_said_to_be_one():
    assert "without giving a reason" in sdk_trouble(None)
