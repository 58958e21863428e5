"""Checks of files: whether they exist, which words they contain, and which files contain certain words."""

import re
from collections.abc import Iterator

from migration.consolidation.removal import accepted
from migration.consolidation.tracker.checks import Check, code, counted, judgement, listed, shell
from migration.consolidation.tracker.steps import Judgement
from migration.consolidation.tracker.tree import TrackedTree


class WrittenCheck(Check, frozen=True, kw_only=True, tag="files"):
    """Files exist and contain certain words."""

    files: tuple[str, ...]
    say: tuple[str, ...] = ()  #: words that each file contains

    def judge(self, tree: TrackedTree) -> Judgement:
        """Tick the box if all files exist and contain all words."""
        return judgement(self._faults(tree), f"{listed(self.files)}.")

    @property
    def command(self) -> str:
        """The command that shows the words, or the files."""
        if not self.say:
            return shell("ls", *self.files)
        return shell("grep", "-nF", *(part for word in self.say for part in ("-e", word)), *self.files)

    def _faults(self, tree: TrackedTree) -> Iterator[str]:
        if not self.files:
            yield "no file is named"
        for path in self.files:
            if not tree.is_there(path):
                yield f"{code(path)} does not exist"
            else:
                data = tree.bytes_of(path)
                yield from (f"{code(path)} does not contain {code(word)}" for word in self.say if word.encode() not in data)


class OnlyIn(Check, frozen=True, kw_only=True, tag="only-in"):
    """Words are in certain places and nowhere else."""

    words: tuple[str, ...]
    places: tuple[str, ...] = ()  #: files and folders that may contain the words; (): none may
    within: tuple[str, ...] = ()  #: files and folders to check; (): all code, configuration and documents except the tracker's own

    def judge(self, tree: TrackedTree) -> Judgement:
        """Tick the box if no other file contains one of the words."""
        if not self.words or not all(self.words):
            return Judgement(done=False, evidence="No word is named.")
        looked_at = [path for path in tree.files if path not in tree.own and (not self.within or _lies_in(path, self.within))]
        if not looked_at:
            return Judgement(done=False, evidence="There is no file to check.")
        said = [path for path in looked_at if not _lies_in(path, self.places) and self._says(tree, path)]
        if said:
            return Judgement(done=False, evidence=f"Also in {listed(said)}.")
        there = [place for place in self.places if (tree.root / place).exists()]
        return Judgement(done=True, evidence=f"Only in {listed(there)}." if there else "Nowhere.")

    @property
    def command(self) -> str:
        """The command that lists the files with these words."""
        return shell("git", "grep", "-lF", *(part for word in self.words for part in ("-e", word)), "--", *self.within)

    def _says(self, tree: TrackedTree, path: str) -> bool:
        data = tree.bytes_of(path)
        return any(word.encode() in data for word in self.words)


class AcceptedCheck(Check, frozen=True, kw_only=True, tag="ledger"):
    """A ledger of accepted divergences is valid or, with `settled`, has only permanent entries."""

    ledger: str  #: the ledger's path
    settled: bool = False  #: True: only permanent entries may be left, and the file need not exist

    def judge(self, tree: TrackedTree) -> Judgement:
        """Tick the box if the ledger is valid: each entry has an owner, a reason, and a last day or `permanent`. With `settled`, no entry
        may have a last day.

        Whether a last day has passed is not checked here, because that depends on today's date; `netra-migration status` shows it.
        """
        if not tree.is_there(self.ledger):
            return Judgement(done=self.settled, evidence=f"{code(self.ledger)} does not exist.")
        entries = accepted(tree.root / self.ledger).entries
        passing = sum(not entry.permanent for entry in entries)
        evidence = f"{counted(len(entries), 'entry', 'entries').capitalize()}, {passing} of them with a last day."
        return Judgement(not self.settled or not passing, evidence if entries else "No entry.")

    @property
    def command(self) -> str:
        """The command that lists the entries."""
        return shell("grep", "-nE", "^(id|owner|reason|expires|permanent)", self.ledger)


class GoneCheck(Check, frozen=True, kw_only=True, tag="gone"):
    """A file was removed, and no file names its module."""

    path: str
    module: str  #: the module's dotted name
    but: tuple[str, ...] = ()  #: files that may name the module: the tracker's own

    def judge(self, tree: TrackedTree) -> Judgement:
        """Tick the box if the file does not exist and no other file names its module."""
        if tree.is_there(self.path):
            return Judgement(done=False, evidence="It still exists.")
        name = re.compile(rb"(?<![\w.])" + re.escape(self.module.encode()) + rb"(?!\w)")
        naming = [path for path in tree.files if path not in self.but and name.search(tree.bytes_of(path))]
        return Judgement(not naming, f"Still named in {listed(naming)}." if naming else "It was removed, and no file names its module.")

    @property
    def command(self) -> str:
        """The command that finds the file, or the files that name its module."""
        return f"! ls {shell(self.path)} && ! {shell('git', 'grep', '-wF', self.module, '--', '.', *(f':!{path}' for path in self.but))}"


def _lies_in(path: str, places: tuple[str, ...]) -> bool:
    return any(path == place or path.startswith(f"{place.rstrip('/')}/") or place == "." for place in places)
