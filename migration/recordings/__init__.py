"""Recorded runs in files: our own JSONL, and conversations in the OpenAI chat format. `read` takes either, plain or gzipped."""

from migration.recordings.jsonl import SCHEMA, read_line, write_line
from migration.recordings.reader import read
from migration.recordings.run import BadLine, RecordedRun, Skipped

__all__ = ["SCHEMA", "BadLine", "RecordedRun", "Skipped", "read", "read_line", "write_line"]
