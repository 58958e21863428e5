"""Recorded runs in files: our own format, and those of other tools, each in a separate module. Read `reader.read` first.

`opening.py` converts any file to UTF-8. `documents.py` splits it into JSON values. `formats.py` determines the format of each value, and
the format's module finds the conversation in it. `messages.py` converts the conversation into the backend's own form, and `turns.py` makes
runs from it.
"""

from migration.recordings.jsonl import SCHEMA, read_line, write_line
from migration.recordings.opening import named
from migration.recordings.paths import files_of, size_of
from migration.recordings.reader import read
from migration.recordings.run import BadLine, RecordedRun, Skipped

__all__ = ["SCHEMA", "BadLine", "RecordedRun", "Skipped", "files_of", "named", "read", "read_line", "size_of", "write_line"]
