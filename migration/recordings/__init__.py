"""Recorded runs in files: our own JSONL, and conversations in the OpenAI chat format. `read` takes either, plain or gzipped."""

from migration.recordings.jsonl import write_line
from migration.recordings.reader import read
from migration.recordings.run import BadLine, RecordedRun, Skipped

__all__ = ["BadLine", "RecordedRun", "Skipped", "read", "write_line"]
