"""Libraries of this package's extras: `with extra("openai"): import openai` reports what to install if a library is missing."""

from collections.abc import Iterator
from contextlib import contextmanager

from migration.errors import MissingExtraError


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Turn a missing library in this block into an error that names its extra.

    Args:
        name: the extra's name, as in `pip install 'netra-strangler[NAME]'`.

    Raises:
        MissingExtraError: a module that does not belong to this package is not installed.
        ModuleNotFoundError: a module of this package does not exist.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "migration":
            raise
        raise MissingExtraError(error.name or "a library", name) from error
