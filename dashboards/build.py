"""Build `grafana/*.json`: `python -m dashboards.build`. With `--check`: change nothing, exit with 1 when a committed file differs."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards import divergence, rollout

FOLDER: Final = Path(__file__).parent / "grafana"


def files() -> Mapping[str, str]:
    """Return the text of each file by its name. The same text on every machine and in every run."""
    boards = {"rollout.json": rollout.DASHBOARD, "divergence.json": divergence.DASHBOARD}
    return {name: json.dumps(board.build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n" for name, board in boards.items()}


def stale(folder: Path = FOLDER) -> Sequence[str]:
    """Return the names of the files in the folder that are missing, differ, or that nothing builds."""
    built = files()
    present = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.json")}
    return sorted(name for name in built.keys() | present.keys() if built.get(name) != present.get(name))


def write(folder: Path = FOLDER) -> None:
    """Write every file, and remove the JSON files that nothing builds."""
    folder.mkdir(parents=True, exist_ok=True)
    built = files()
    for path in folder.glob("*.json"):
        if path.name not in built:
            path.unlink()
    for name, text in built.items():
        (folder / name).write_text(text, encoding="utf-8")


def main(arguments: Sequence[str] | None = None, folder: Path = FOLDER) -> int:
    """Run the command; return 0, or 1 when `--check` found a difference."""
    parser = argparse.ArgumentParser(prog="python -m dashboards.build", description="Build the Grafana dashboards from Python.")
    parser.add_argument("--check", action="store_true", help="change nothing; exit with 1 when a committed file differs")
    if not parser.parse_args(arguments).check:
        write(folder)
        return 0
    names = stale(folder)
    if names:
        sys.stderr.write(f"{', '.join(names)}: not what dashboards/*.py builds; run `make dashboards` and commit the result\n")
    return 1 if names else 0


if __name__ == "__main__":
    sys.exit(main())
