"""A contact that the boundary refused says which port it needs."""

import socket

import pytest

from migration.effects.journals.advice import port_for
from migration.effects.journals.guard import Guard
from migration.errors import EffectMissingError


@pytest.mark.parametrize(
    ("contact", "port"),
    [
        ("connect", "AsyncHttpPort"),
        ("socket.getaddrinfo", "AsyncHttpPort"),
        ("subprocess.Popen", "starts or signals a program"),
        ("execve", "starts or signals a program"),
        ("open for writing /tmp/x", "reads or changes files"),
        ("sqlite3.connect", "sql.read_port"),
        ("database.write", "on the function that writes"),
        ("system call 999", "@migration.effects.effect"),
    ],
)
def test_each_kind_of_contact_has_its_port(contact, port):
    assert port in port_for(contact)


@pytest.fixture(scope="module")
def guard():
    return Guard()


def test_the_error_at_the_forgotten_call_names_the_port(guard):
    with guard.sealed() as refused, socket.socket() as reaching, pytest.raises(EffectMissingError, match="AsyncHttpPort"):
        reaching.connect(("127.0.0.1", 9))
    assert refused == ["socket.connect"]
