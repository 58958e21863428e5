"""The HTTP endpoints against their own description: no input makes a server error or an answer that is not documented."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import jwt
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from netra_backend.app.config import Settings
from netra_backend.app.main import create_app

SECRET = "a-secret-of-this-test-alone-0123456789"
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The real backend as a process: its address. Rates are high, so that 429 does not hide the rest."""
    home = tmp_path_factory.mktemp("backend")
    environment = os.environ | {
        "NETRA_HOME": str(home),
        "NETRA_JWT_SECRET": SECRET,
        "NETRA_RATE_LIMIT_PER_MINUTE": "600000",
        "NETRA_RATE_LIMIT_BURST": "100000",
        "NETRA_MIGRATION_HOME": str(home),  # goes with: migration
    }
    command = [Path(sys.executable).with_name("netra"), "serve", "--port", "0", "--json"]
    with (
        (home / "log").open("w") as log,
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        try:
            told = ""
            while not told.endswith("}\n"):
                line = process.stdout.readline() if process.stdout else ""
                assert line, (home / "log").read_text()
                told += line
            url = json.loads(told)["url"]
            while not answers(f"{url}/ready"):
                assert process.poll() is None, (home / "log").read_text()
                time.sleep(0.05)
            yield url
        finally:
            process.terminate()
            process.wait(timeout=30)


OPERATIONS = [
    found.ok() for found in schemathesis.openapi.from_dict(create_app(Settings(jwt_secret=SECRET)).openapi()).get_all_operations()
]
each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)


def bearer() -> dict[str, str]:
    now = int(time.time())
    claims = {"iss": "netra", "aud": "netra-chat", "sub": "ann", "tenant": "acme", "iat": now, "exp": now + 3600}
    return {"Authorization": f"Bearer {jwt.encode(claims, SECRET, algorithm='HS256')}"}


@each_operation
def test_no_request_makes_a_server_error_or_an_undocumented_answer(operation, backend):
    @given(case=operation.as_strategy())
    @settings(max_examples=40, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    def whatever_is_asked(case):
        case.call_and_validate(base_url=backend, checks=CHECKS, headers=bearer(), timeout=30)

    whatever_is_asked()


@each_operation
def test_without_a_good_token_no_run_is_answered(operation, backend):
    if not operation.path.startswith("/api/"):
        assert operation.path in {"/health", "/ready", "/metrics"}
        return

    @given(case=operation.as_strategy())
    @settings(max_examples=5, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    def nothing_is_told(case):
        answer = case.call_and_validate(base_url=backend, checks=CHECKS, headers={"Authorization": "Bearer nonsense"}, timeout=30)
        assert answer.status_code == httpx.codes.UNAUTHORIZED

    nothing_is_told()
