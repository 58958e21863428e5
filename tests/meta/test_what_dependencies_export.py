"""A dependency that begins to make telemetry of its own is looked at before it is installed: what leaves the process is an allow-list."""

import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement

#: Those that make spans, metrics or reports by themselves. Each was looked at; the product's exporter lets only its own attributes through.
KNOWN = {
    "fastapi": "spans of requests, with paths and queries in them",
    "starlette": "the same, from below",
    "prometheus-client": "the product's own metrics",
}
_EXPORTS = re.compile(
    rb"^\s*(?:from|import)\s+(?:opentelemetry|prometheus_client|sentry_sdk|posthog|statsd|datadog|ddtrace|segment)\b", re.MULTILINE
)


def installed(name: str, found: dict[str, Distribution], extras: frozenset[str] = frozenset()) -> dict[str, Distribution]:
    """Return what the package needs at run time with these extras, and itself."""
    key = name.lower().replace("_", "-")
    try:
        if key in found and not extras:
            return found
        found[key] = distribution(name)
    except PackageNotFoundError:
        return found  # of another platform
    for text in found[key].requires or ():
        need = Requirement(text)
        if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            installed(need.name, found, frozenset(need.extras))
    return found


def exports(package: Distribution) -> bool:
    sources = (file.locate() for file in package.files or () if file.suffix == ".py")
    return any(_EXPORTS.search(source.read_bytes()) for source in sources if source.exists())


def test_no_dependency_makes_telemetry_that_nobody_has_looked_at():
    needed = installed("netra-backend", {})
    assert len(needed) > 20, "the project's dependencies were not found"
    makers = {name for name, package in needed.items() if not name.startswith("opentelemetry") and exports(package)}
    assert makers == set(KNOWN)
