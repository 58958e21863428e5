"""What comes with an extra of this package: `with extra("openai"): import openai` says what to install where it is missing."""

from collections.abc import Iterator
from contextlib import contextmanager

from migration.errors import MissingExtraError


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Have a library that cannot be found in this block be an error that names the extra it comes with.

    Args:
        name: of the extra, as in `pip install 'netra-strangler[NAME]'`.

    Raises:
        MissingExtraError: a module that is not of this package is not installed.
        ModuleNotFoundError: a module of this package does not exist.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "migration":
            raise
        raise MissingExtraError(error.name or "a library", name) from error
