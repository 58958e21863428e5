"""Import strings: "package.module:name" names an object across a process boundary, in settings and in configuration."""

import importlib
import sys
from collections.abc import Iterable
from typing import Any

from migration.errors import ConfigurationError


def make_importable(folders: Iterable[str]) -> None:
    """Make Python search these folders for modules too, after all others, so that a module in them cannot replace a dependency."""
    sys.path.extend(folder for folder in folders if folder not in sys.path)


def load(import_string: str, folders: Iterable[str] = ()) -> Any:  # noqa: ANN401 - whatever the string names
    """Return the object that "package.module:name" names.

    Args:
        import_string: the name.
        folders: folders of modules that are not installed (`MigrationSettings.import_path`).

    Raises:
        ConfigurationError: there is no such object; the message says what is wrong with the string.
    """
    make_importable(folders)
    module, _, name = import_string.partition(":")
    if not module or not name:
        raise ConfigurationError(f"{import_string!r} is not an import string; write it as package.module:name")
    try:
        return getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise ConfigurationError(f"{import_string!r} cannot be imported: {error}") from error
    except AttributeError as error:
        raise ConfigurationError(f"{import_string!r}: {module} has no {name!r}") from error
