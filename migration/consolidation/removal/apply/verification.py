"""Audits the tree after a removal: finds broken imports, and shrinks the guard's baseline."""

import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path

from migration.consolidation.auditing import audit
from migration.consolidation.baseline_name import BASELINE_NAME
from migration.consolidation.guard import load_baseline, save_baseline, shrunk
from migration.consolidation.removal.apply.values import Left


def verify_copy(files: Mapping[str, bytes], *, history: Collection[str], shrink: bool) -> tuple[dict[str, bytes], list[Left]]:
    """Write a tree to a separate folder and audit it.

    Args:
        files: the tree.
        history: folders and files that are not checked.
        shrink: whether removed uses are removed from the baseline, if there is one.

    Returns:
        The new baseline by its path, if it was shrunk, and the places that are wrong.

    Raises:
        ConfigurationError: the audit's configuration or the baseline is wrong.
    """
    with tempfile.TemporaryDirectory(prefix="removal-") as name:
        root = Path(name)
        write_tree(root, files)
        inventory = audit(root)
        skipped = tuple(f"{place.rstrip('/')}/" for place in history)
        broken = [
            Left(
                path=item.path, line=item.line, advice=f"imports {item.module}{f':{item.name}' if item.name else ''}, which does not exist"
            )
            for item in inventory.broken_imports
            if not item.path.startswith(skipped) and not item.guarded
        ]
        file = root / BASELINE_NAME
        if not shrink or BASELINE_NAME not in files:
            return {}, broken
        save_baseline(file, shrunk(inventory, load_baseline(file)))
        return {BASELINE_NAME: file.read_bytes()}, broken


def write_tree(root: Path, files: Mapping[str, bytes]) -> None:
    """Write the files below a folder."""
    for path, data in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
