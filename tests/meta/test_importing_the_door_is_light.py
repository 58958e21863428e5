"""Whoever imports the facade pays for what it is made of, and for nothing that a process may never need."""

import json
import subprocess
import sys

import pytest

from migration import compose

LIMIT_S = 0.150
#: The libraries that the facade stands on, and what these bring.
BEGUN = """
import json, resource, sys
import ldclient, ldclient.client, msgspec, prometheus_client, opentelemetry.trace, opentelemetry.sdk.trace
before, began = set(sys.modules), resource.getrusage(resource.RUSAGE_SELF).ru_utime
"""
ENDED = """
took = resource.getrusage(resource.RUSAGE_SELF).ru_utime - began
print(json.dumps([took, sorted({name.partition(".")[0] for name in set(sys.modules) - before} - sys.stdlib_module_names)]))
"""
STOOD_ON = {"ldclient", "ld_eventsource", "msgspec", "prometheus_client", "opentelemetry"}
DOORS = ["import migration.facade", "from migration import compose, in_thread, stream_engine; import migration.effects"]


def asked(door):
    done = subprocess.run([sys.executable, "-c", BEGUN + door + ENDED], capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


@pytest.mark.parametrize("door", DOORS)
def test_the_door_imports_no_library_beyond_those_it_stands_on(door):
    _, libraries = asked(door)
    assert set(libraries) - STOOD_ON <= {"migration", "seccompy", "ahocorasick_rs"}


@pytest.mark.parametrize("door", DOORS)
def test_the_door_takes_less_than_150_ms_of_user_time(door):
    assert min(asked(door)[0] for _ in range(3)) < LIMIT_S


def test_the_door_is_the_one_that_the_page_names():
    assert compose.__module__ == "migration.composition"
