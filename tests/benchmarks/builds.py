"""Other builds of this repository, to measure against."""

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def build(base: str, *parts: str) -> Iterator[Path]:
    """Give the folder of another build.

    Args:
        base: that folder, or a commit.
        parts: folders of the commit that are needed.
    """
    if Path(base).is_dir():
        yield Path(base).resolve()
        return
    packed = subprocess.run(["git", "archive", base, "--", *parts], check=True, capture_output=True).stdout
    with tempfile.TemporaryDirectory() as folder, tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
        yield Path(folder)
