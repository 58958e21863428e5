"""A pytest plugin that adds the guard as one more test to a whole suite.

Use it with `-p migration.consolidation.pytest_guard`, and set the ini option `consolidation_guard` to the baseline's path.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from migration.consolidation.auditing import audit
from migration.consolidation.guard import guard_findings, load_baseline

_OPTION: Final = "consolidation_guard"


class NotWhatTheBaselineAllowsError(Exception):
    """The tree has more or fewer uses than its baseline allows."""


class GuardItem(pytest.Item):
    """The test: one audit of the whole project."""

    def runtest(self) -> None:
        """Compare the project with its baseline.

        Raises:
            NotWhatTheBaselineAllowsError: they differ.
            ConfigurationError: there is no baseline, or the audit is configured wrongly.
        """
        root = self.config.rootpath
        findings = guard_findings(audit(root), load_baseline(root / str(self.config.getini(_OPTION))))
        if findings:
            raise NotWhatTheBaselineAllowsError("\n".join(finding.advice for finding in findings))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:  # noqa: ARG002 - pytest's signature
        """Return only the findings, because a traceback of this plugin does not help."""
        return f"{excinfo.value}\n`netra-migration guard --update` lets the baseline shrink, `--accept` lets it grow."

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return the name that the report shows."""
        return self.config.rootpath, None, "consolidation guard"


class _Guard(pytest.Collector):
    def collect(self) -> Iterator[pytest.Item]:
        """Yield the only test."""
        yield GuardItem.from_parent(self, name="baseline")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the ini option."""
    parser.addini(_OPTION, "baseline of the consolidation guard, relative to the root; empty: no guard", default="")


def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add the guard to a run of the whole suite, but not to a run of selected files."""
    if config.getini(_OPTION) and config.args_source is not pytest.Config.ArgsSource.ARGS:
        items.extend(_Guard.from_parent(session, name="consolidation").collect())
