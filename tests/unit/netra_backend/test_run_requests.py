"""Requests of one agent or one tool, read from a run's payload."""

import pytest

from netra_backend.app.errors import InvalidPayloadError, UnknownAgentError
from netra_backend.app.run_requests import read_agent_request, read_tool_request


def test_a_request_without_tools_is_offered_the_applications():
    request = read_agent_request({"agent": "data", "message": "hello"}, ["data"])
    assert request.task([]) == {"message": "hello", "history": (), "tools": ()}


@pytest.mark.parametrize(
    "payload", [{}, {"agent": "data"}, {"agent": 7, "message": "x"}, {"agent": "data", "message": "x", "history": "x"}]
)
def test_a_request_that_cannot_be_read_is_invalid(payload):
    with pytest.raises(InvalidPayloadError, match="the request cannot be read"):
        read_agent_request(payload, ["data"])


def test_an_agent_that_is_not_there_is_unknown():
    with pytest.raises(UnknownAgentError):
        read_agent_request({"agent": "nobody", "message": "x"}, ["data"])


def test_a_call_of_a_tool_may_have_no_arguments():
    assert read_tool_request({"tool": "search"}).arguments == {}
    with pytest.raises(InvalidPayloadError):
        read_tool_request({"tool": "search", "arguments": [1]})
