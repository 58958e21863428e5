"""The function that a written test calls."""

from collections.abc import Collection
from contextlib import closing

from migration.comparison import Comparer
from migration.import_strings import load
from migration.model import Verdict
from migration.recordings import read_line
from migration.reproduce.difference import report
from migration.reproduce.engines import DEADLINE_S, BothEngines
from migration.settings import MigrationSettings


def assert_agree(
    recording: str,
    *,
    engines: str,
    fingerprint: str,
    besides: Collection[str] = (),
    accepted: bool = False,
    deadline_s: float = DEADLINE_S,
) -> None:
    """Fail while candidate differs from control on the recorded run, unless the project's ledger accepts the difference.

    Args:
        recording: JSON of one run in our own format; may be indented.
        engines: import string of an `EngineBuilder`.
        fingerprint: the fingerprint of the divergence that the test is about.
        besides: fingerprints of other divergences that the recording showed when the test was written; they may appear or disappear.
        accepted: whether the ledger accepted the divergence when the test was written. If so, the test fails
            although the ledger accepts the divergence.
        deadline_s: seconds that one run of one engine may take.

    Raises:
        AssertionError: the divergence or a new one exists, or this cannot be determined; the message shows both streams.
        RecordingError: the recording cannot be read.
        ConfigurationError: `engines` cannot be imported, or the settings are not valid.
        LedgerError: the ledger is not valid.
    """
    __tracebackhide__ = True  # makes pytest show the line of the test, not of this function
    settings = MigrationSettings()
    recorded = read_line(recording.encode(), settings.project)
    comparer = Comparer(settings.path(settings.ledger_dir), project=settings.project)
    with closing(BothEngines(load(engines), comparer=comparer, deadline_s=deadline_s)) as both:
        compared = both.compare(recorded)
    shown = {divergence.fingerprint: divergence.verdict for divergence in compared.comparison.divergences}
    found = {mark for mark, verdict in shown.items() if verdict is Verdict.DIVERGENT}
    if fingerprint in (shown if accepted else found):
        raise AssertionError(f"candidate still differs from control ({fingerprint})\n{report(compared, show_values=True)}")
    if new := sorted(found.difference(besides)):
        raise AssertionError(
            f"{fingerprint} is gone, but candidate has new differences ({', '.join(new)})\n{report(compared, show_values=True)}"
        )
    if compared.comparison.verdict is Verdict.INCONCLUSIVE:
        raise AssertionError(f"it cannot be determined whether candidate agrees\n{report(compared, show_values=True)}")
