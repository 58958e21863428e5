"""What a written test calls."""

from collections.abc import Collection
from contextlib import closing

from migration.model import Verdict
from migration.recordings import read_line
from migration.reproduce.engines import DEADLINE_S, BothEngines
from migration.reproduce.report import report
from migration.shadow.parts import load


def assert_agree(recording: str, *, engines: str, fingerprint: str, besides: Collection[str] = (), deadline_s: float = DEADLINE_S) -> None:
    """Fail while candidate differs from control on the recorded run.

    Args:
        recording: JSON of one run in our own format; may be indented.
        engines: import string of an `EngineBuilder`.
        fingerprint: the divergence that the test is about.
        besides: fingerprints that the recording showed as well when it was written; they may come and go.
        deadline_s: seconds that one run of one engine may take.

    Raises:
        AssertionError: the divergence is there, or a new one, or nobody can tell; the message shows both streams.
        RecordingError: the recording cannot be read.
        ConfigurationError: `engines` names nothing.
    """
    __tracebackhide__ = True  # pytest then points at the test, not here
    recorded = read_line(recording.encode())
    with closing(BothEngines(load(engines), deadline_s=deadline_s)) as both:
        compared = both.compare(recorded)
    found = {divergence.fingerprint for divergence in compared.comparison.divergences}
    if fingerprint in found:
        raise AssertionError(f"candidate still differs from control ({fingerprint})\n{report(compared, show_values=True)}")
    if new := sorted(found.difference(besides)):
        raise AssertionError(f"{fingerprint} is gone, but candidate differs anew ({', '.join(new)})\n{report(compared, show_values=True)}")
    if compared.comparison.verdict is Verdict.INCONCLUSIVE:
        raise AssertionError(f"nobody can tell whether candidate agrees\n{report(compared, show_values=True)}")
