"""A webhook gets each event, signed, until it is taken or its deadline has passed, and nothing that is not on the list."""

import hashlib
import hmac
import json

import pytest
import urllib3

from migration.rollout.happened import Happened
from migration.rollout.webhooks import DEADLINE_S, Webhook

EVENT = Happened(
    surface="chat",
    what="roll back",
    sentence="chat: rolled back to shadow: acme",
    reasons=("1 comparison found somebody else's data.",),
    evidence="0 of 300 comparisons diverge",
    id="4f2c",
    tenants=("acme",),
)


class Place:
    """Where events are sent, and the time that passes while they are not taken."""

    def __init__(self, *answers):
        self.answers, self.got, self.now = list(answers), [], 0.0

    def post(self, body, headers):
        self.got.append((body, headers))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def wait(self, seconds):
        self.now += seconds
        return False


@pytest.fixture
def webhook():
    made = []

    def webhook(place, key="secret"):
        made.append(Webhook(place.post, key, wall=lambda: 1000.0, monotonic=lambda: place.now, wait=place.wait))
        return made[-1]

    yield webhook
    for one in made:
        one.close()


def test_the_body_shows_as_text_and_names_no_tenant(webhook):
    place = Place(200)
    assert webhook(place).deliver(EVENT)
    body = json.loads(place.got[0][0])
    assert body.keys() == {"text", "surface", "what", "reasons", "evidence", "id", "at"}
    assert body["text"].startswith("chat: rolled back to shadow: (a tenant)\n- 1 comparison found somebody else's data.")
    assert "acme" not in place.got[0][0].decode()


def test_the_signature_is_of_the_time_and_the_body(webhook):
    place = Place(200)
    webhook(place).deliver(EVENT)
    body, headers = place.got[0]
    expected = hmac.new(b"secret", b"1000." + body, hashlib.sha256).hexdigest()
    assert (headers["X-Netra-Timestamp"], headers["X-Netra-Signature"]) == ("1000", f"v1={expected}")


def test_without_a_key_nothing_is_signed(webhook):
    place = Place(200)
    webhook(place, key="").deliver(EVENT)
    assert "X-Netra-Signature" not in place.got[0][1]


def test_it_is_repeated_under_the_same_id_until_it_is_taken(webhook):
    place = Place(503, urllib3.exceptions.TimeoutError("slow"), OSError("gone"), 429, 204)
    assert webhook(place).deliver(EVENT)
    assert [headers["X-Netra-Delivery"] for _, headers in place.got] == ["4f2c"] * 5


def test_it_is_given_up_after_its_deadline_and_the_address_is_not_logged(webhook, caplog):
    place = Place(urllib3.exceptions.HTTPError("https://hooks.example/T000/SECRET"))
    assert not webhook(place).deliver(EVENT)
    assert DEADLINE_S - 31 < place.now <= DEADLINE_S
    assert "not delivered (HTTPError" in caplog.text
    assert "SECRET" not in caplog.text


@pytest.mark.parametrize("status", [302, 400, 404])
def test_what_is_refused_is_not_repeated(webhook, status):
    place = Place(status)
    assert not webhook(place).deliver(EVENT)
    assert len(place.got) == 1


def test_events_are_delivered_in_their_order_by_a_thread_of_their_own(webhook):
    place = Place(200)
    one = webhook(place)
    for number in range(5):
        one.tell(Happened(surface="chat", what="hold", sentence=f"event {number}"))
    one.close()
    assert [json.loads(body)["text"] for body, _ in place.got] == [f"event {number}" for number in range(5)]
