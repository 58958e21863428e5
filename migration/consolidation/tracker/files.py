"""Checks of files: that they are there, what they say, and who says what."""

import re
from collections.abc import Iterator

from migration.consolidation.removal import accepted
from migration.consolidation.tracker.checks import Check, code, counted, judgement, listed, shell
from migration.consolidation.tracker.steps import Judgement
from migration.consolidation.tracker.tree import TrackedTree


class WrittenCheck(Check, frozen=True, kw_only=True, tag="files"):
    """Files are there, and say certain words."""

    files: tuple[str, ...]
    say: tuple[str, ...] = ()  #: each file says each of these

    def judge(self, tree: TrackedTree) -> Judgement:
        """Tick the box when all of it is there."""
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
                yield from (f"{code(path)} does not say {code(word)}" for word in self.say if word.encode() not in data)


class OnlyIn(Check, frozen=True, kw_only=True, tag="only-in"):
    """Words stand in certain places and nowhere else."""

    words: tuple[str, ...]
    places: tuple[str, ...] = ()  #: files and folders that may contain them; (): none may
    within: tuple[str, ...] = ()  #: files and folders that are looked at; (): all code, configuration and documents but the tracker's own

    def judge(self, tree: TrackedTree) -> Judgement:
        """Tick the box when no other file says one of them."""
        if not self.words or not all(self.words):
            return Judgement(done=False, evidence="No word is named.")
        looked_at = [path for path in tree.files if path not in tree.own and (not self.within or _lies_in(path, self.within))]
        if not looked_at:
            return Judgement(done=False, evidence="There is no file to look at.")
        said = [path for path in looked_at if not _lies_in(path, self.places) and self._says(tree, path)]
        if said:
            return Judgement(done=False, evidence=f"Also in {listed(said)}.")
        there = [place for place in self.places if (tree.root / place).exists()]
        return Judgement(done=True, evidence=f"Nowhere but in {listed(there)}." if there else "Nowhere.")

    @property
    def command(self) -> str:
        """The command that lists who says them."""
        return shell("git", "grep", "-lF", *(part for word in self.words for part in ("-e", word)), "--", *self.within)

    def _says(self, tree: TrackedTree, path: str) -> bool:
        data = tree.bytes_of(path)
        return any(word.encode() in data for word in self.words)


class AcceptedCheck(Check, frozen=True, kw_only=True, tag="ledger"):
    """A ledger of accepted divergences is in order, or settled."""

    ledger: str  #: its path
    settled: bool = False  #: nothing may be left in it but what is permanent; then the file need not be there

    def judge(self, tree: TrackedTree) -> Judgement:
        """Tick the box when it can be read, which takes an owner, a reason and a term of each entry; or when it is settled.

        Whether a last day is in the past depends on the day, and is not checked here: `netra-migration status` shows it.
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
    """A file was removed, and nothing names its module."""

    path: str
    module: str  #: its dotted name
    but: tuple[str, ...] = ()  #: files that may name it: the tracker's own

    def judge(self, tree: TrackedTree) -> Judgement:
        """Tick the box when it is so."""
        if tree.is_there(self.path):
            return Judgement(done=False, evidence="It is there.")
        name = re.compile(rb"(?<![\w.])" + re.escape(self.module.encode()) + rb"(?!\w)")
        naming = [path for path in tree.files if path not in self.but and name.search(tree.bytes_of(path))]
        return Judgement(not naming, f"Still named in {listed(naming)}." if naming else "It was removed, and nothing names its module.")

    @property
    def command(self) -> str:
        """The command that finds it, or who names its module."""
        return f"! ls {shell(self.path)} && ! {shell('git', 'grep', '-wF', self.module, '--', '.', *(f':!{path}' for path in self.but))}"


def _lies_in(path: str, places: tuple[str, ...]) -> bool:
    return any(path == place or path.startswith(f"{place.rstrip('/')}/") or place == "." for place in places)
