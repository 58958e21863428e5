"""What goes to LaunchDarkly about runs: whole, also over an outage, and of a tenant no more than its key and what may be seen."""

import threading
from datetime import timedelta

import pytest
import urllib3
from ldclient.migrations import Operation, Origin, Stage

from migration.flags.meaning.contexts import Tenant, context
from migration.flags.sources.delivery import PatientSender
from migration.flags.sources.hosted import HostedSource
from tests.migration.integration.flag_sources.conftest import eventually


def send_op(following, tenant="acme", **attributes):
    """A migration op of one tenant, with all that can be measured."""
    who = context(Tenant(tenant_id=tenant, attributes=attributes), "chat")
    _, tracker = following.client.migration_variation("execution-engine-chat", who, Stage.OFF)
    tracker.operation(Operation.READ)
    for origin, ms in ((Origin.OLD, 120), (Origin.NEW, 90)):
        tracker.invoked(origin).latency(origin, timedelta(milliseconds=ms))
    tracker.error(Origin.NEW).consistent(lambda: False)
    following.client.track_migration_op(tracker)


def ops(launchdarkly):
    return [event for event in launchdarkly.events if event["kind"] == "migration_op"]


def test_a_migration_op_arrives_whole(launchdarkly, settings, follow):
    seen = follow(HostedSource(settings), flush_interval=0.1)
    send_op(seen, plan="enterprise")
    eventually(lambda: ops(launchdarkly))
    (op,) = ops(launchdarkly)
    measured = {each["key"]: each.get("values", each.get("value")) for each in op["measurements"]}
    assert op["operation"] == "read"
    assert (op["evaluation"]["value"], op["evaluation"]["version"], op["evaluation"]["reason"]["kind"]) == ("shadow", 1, "FALLTHROUGH")
    assert measured == {
        "invoked": {"old": True, "new": True},
        "consistent": False,
        "latency_ms": {"old": 120, "new": 90},
        "error": {"new": True},
    }
    assert op["context"] == {
        "kind": "multi",
        "surface": {"key": "chat"},
        "tenant": {"key": "acme", "plan": "enterprise"},
    }


def test_a_private_attribute_never_leaves(launchdarkly, settings, follow):
    seen = follow(HostedSource(settings), flush_interval=0.1, private_attributes={"contact"})
    send_op(seen, plan="enterprise", contact="ada@example.org")
    eventually(lambda: ops(launchdarkly))
    assert "ada@example.org" not in str(launchdarkly.events)
    assert ops(launchdarkly)[0]["context"]["tenant"]["_meta"] == {"redactedAttributes": ["contact"]}


@pytest.mark.parametrize("status", [401, 404, 503])
def test_events_outlast_a_refusal_of_their_address(status, launchdarkly, settings, follow):
    seen = follow(HostedSource(settings), flush_interval=0.1)
    launchdarkly.faults.events = [status, status]
    send_op(seen, "acme")
    eventually(lambda: not launchdarkly.faults.events)
    send_op(seen, "globex")
    eventually(lambda: {op["context"]["tenant"]["key"] for op in ops(launchdarkly)} == {"acme", "globex"})
    assert seen.lost == []


def test_events_outlast_an_outage_each_once(launchdarkly, settings, follow):
    seen = follow(HostedSource(settings), flush_interval=0.1)
    launchdarkly.stop()
    for number in range(20):
        send_op(seen, f"tenant-{number}")
    eventually(lambda: not seen.up)
    launchdarkly.start()
    eventually(lambda: len(ops(launchdarkly)) == 20)
    assert {op["context"]["tenant"]["key"] for op in ops(launchdarkly)} == {f"tenant-{number}" for number in range(20)}


def test_events_that_wait_are_sent_when_the_client_closes(launchdarkly, settings, follow):
    seen = follow(HostedSource(settings), flush_interval=3600)
    send_op(seen)
    seen.client.close()
    assert len(ops(launchdarkly)) == 1


def test_events_that_are_lost_when_the_client_closes_are_told(launchdarkly, settings, follow):
    seen = follow(HostedSource(settings), flush_interval=3600)
    launchdarkly.stop()
    send_op(seen)
    seen.client.close()
    assert seen.lost == ["the connection is refused; is it running, and is the port right?"]


class Pool:
    """Answers with these statuses, then with a page of a proxy for ever."""

    def __init__(self, *statuses: int) -> None:
        self.statuses, self.asked = list(statuses), 0

    def request(self, *_: object, **__: object) -> urllib3.HTTPResponse:
        self.asked += 1
        if self.statuses:
            return urllib3.HTTPResponse(status=self.statuses.pop(0), headers={})
        return urllib3.HTTPResponse(status=200, headers={"Content-Type": "text/html"})


def test_a_payload_that_launchdarkly_cannot_take_is_given_up_at_once_and_told():
    lost, pool = [], Pool(413)
    assert PatientSender(pool, on_loss=lost.append).request("POST", "https://events/bulk").status == 202
    assert (lost, pool.asked) == (["it answers with status 413"], 1)


def test_a_page_of_a_proxy_is_not_taken_for_delivery():
    now, lost, pool = [0.0], [], Pool()
    sender = PatientSender(pool, on_loss=lost.append, patience_s=0, clock=lambda: now[0])
    sender.request("POST", "https://events/bulk")
    assert lost == ["a page came back where LaunchDarkly was expected (a proxy or a sign-in page?); check the address and the proxy"]


def test_hurry_ends_a_wait():
    lost, pool = [], Pool(*[503] * 1000)
    sender = PatientSender(pool, on_loss=lost.append)
    sending = threading.Thread(target=sender.request, args=("POST", "https://events/bulk"))
    sending.start()
    eventually(lambda: pool.asked)
    sender.hurry()
    sending.join(30)
    assert (sending.is_alive(), lost) == (False, ["it has an internal error (503)"])
