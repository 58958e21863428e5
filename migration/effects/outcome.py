"""How a run ended whose engine says nothing of it. `run_ended` is how an engine's adapter says it, for both engines' runs."""

from migration.model import Outcome


def outcome_of_failure(failure: BaseException) -> Outcome:
    """Return how a stream that an exception ended ended."""
    return "timed_out" if isinstance(failure, TimeoutError) else "failed"
