"""The outcome of a run whose engine reports none. An engine's adapter calls `run_ended` to report it, in both engines' runs."""

from migration.model import Outcome


def outcome_of_failure(failure: BaseException) -> Outcome:
    """Return the outcome of a run whose stream raised."""
    return "timed_out" if isinstance(failure, TimeoutError) else "failed"
