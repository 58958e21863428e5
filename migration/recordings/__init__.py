"""Recorded runs in files: our own format, and those of others, each in a module of its own. Read `reader.read` first.

`opening.py` makes UTF-8 of whatever the file is, `documents.py` cuts it into JSON values, `formats.py` says what each is, the format's
module finds the conversation in it, `messages.py` brings that into the backend's own shape, `turns.py` makes runs of it.
"""

from migration.recordings.jsonl import SCHEMA, read_line, write_line
from migration.recordings.opening import named
from migration.recordings.paths import files_of, size_of
from migration.recordings.reader import read
from migration.recordings.run import BadLine, RecordedRun, Skipped

__all__ = ["SCHEMA", "BadLine", "RecordedRun", "Skipped", "files_of", "named", "read", "read_line", "size_of", "write_line"]
