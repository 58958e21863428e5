"""Finds everything that depends on the removed parts: marked regions, modules that only removed parts need, imports, tests.

The search is repeated until nothing changes.
"""

import re
from collections.abc import Collection, Mapping
from pathlib import PurePosixPath
from typing import Final

from migration.consolidation.removal.apply.closure import going_modules
from migration.consolidation.removal.apply.cutting import CutFile, Cutting, Loss
from migration.consolidation.removal.apply.imports import Imported, imported
from migration.consolidation.removal.apply.regions import cut_regions
from migration.consolidation.removal.apply.source import RemovalSource, line_before, parse
from migration.consolidation.removal.apply.tree import Modules, is_under, module_name
from migration.consolidation.removal.apply.used_names import bound_names, used_names
from migration.consolidation.removal.apply.values import Gone, Left
from migration.consolidation.removal.manifest import RemovalManifest

_CONFIGURATION: Final = (".toml", ".yaml", ".yml", ".json", ".ini", ".cfg")


class Editing:
    """Computes the tree after the removal.

    Args:
        files: the tree before the removal.
        roots: files that are removed in any case, each with the reason.
        manifest: names the test folders, and test files that are deleted or kept as a whole.
        surfaces: the surfaces whose control is removed.
        staying: surfaces whose control stays.
    """

    def __init__(
        self,
        files: Mapping[str, bytes],
        roots: Mapping[str, str],
        manifest: RemovalManifest,
        surfaces: Collection[str],
        staying: Collection[str],
    ) -> None:
        self._files = files
        self._manifest = manifest
        self._modules = Modules(files)
        self._marked = {path: cut_regions(path, data, surfaces, staying) for path, data in files.items() if path not in roots}
        self._sources = {
            path: RemovalSource(data, module) for path, data in self._marked.items() if path.endswith(".py") and (module := parse(data))
        }
        self._sources |= {
            path: RemovalSource(files[path], module) for path in roots if path.endswith(".py") and (module := parse(files[path]))
        }
        self._imports = {path: tuple(imported(path, source.module, self._modules)) for path, source in self._sources.items()}
        self._moves = manifest.migration.successors
        self._words = manifest.migration.words if not staying else ()
        self._history = manifest.history if staying else ()
        self._roots = roots
        self._gone = Gone()
        self.going: dict[str, str] = {}  #: file -> why it is removed
        self.after: dict[str, bytes] = {}  #: the remaining files, with their new content
        self.left: list[Left] = []

    def run(self) -> None:
        """Set `going`, `after` and `left`."""
        self.going = {**self._roots, **self._product()}
        self._gone.files = set(self.going)
        for path, source in self._sources.items():
            if path not in self.going and self._marked[path] != self._files[path] and (before := parse(self._files[path])) is not None:
                self._gone.names[path] = bound_names(before) - bound_names(source.module)
        cut: dict[str, CutFile] = {}
        while self._round(cut):
            pass
        self.after = {path: cut[path].data if path in cut else data for path, data in self._marked.items() if path not in self.going}
        self.left = [
            Left(path=path, line=line_before(self._files[path], self._marked[path], item.line), advice=item.advice)
            for path, file in cut.items()
            if path not in self.going
            for item in file.left
        ]

    def drop(self, path: str, reason: str) -> None:
        """Remove one more file, on which no other file depends."""
        self.going[path] = reason
        del self.after[path]

    def _product(self) -> dict[str, str]:
        """Return the modules of the product that are removed because only removed modules need them, each with the reason."""
        product = [path for path in self._sources if not self._is_test(path)]
        edges = {path: self._edges(path) for path in product}
        reached = going_modules(edges, [path for path in self._roots if path in edges], self._needed())
        return {
            path: f"only {holder} needs it" if path != holder else "its package is empty"
            for path, holder in reached.items()
            if path not in self._roots
        }

    def _edges(self, path: str) -> set[str]:
        targets: set[str] = set()
        for item in self._imports[path]:
            target = item.path
            if target in self._roots and (new := self._moved_to(target)) is not None and path not in self._roots:
                target = new
            targets |= {target, *self._modules.packages(target)}
        return targets - {path}

    def _moved_to(self, path: str) -> str | None:
        new = self._moves.get(module_name(path))
        return self._modules.find("", 0, new) if new is not None else None

    def _needed(self) -> set[str]:
        """Return the modules that configuration names, because they are entry points."""
        text = "\n".join(data.decode(errors="replace") for path, data in self._marked.items() if path.endswith(_CONFIGURATION))
        return {path for path in self._sources if "." in (name := module_name(path)) and (f'"{name}:' in text or f'"{name}"' in text)}

    def _is_test(self, path: str) -> bool:
        return is_under(path, self._manifest.test_folders)

    def _round(self, cut: dict[str, CutFile]) -> bool:
        """Cut each file that needs something that was removed since the last round. Return whether another round may be needed."""
        changed = False
        for path, source in self._sources.items():
            if path in self.going:
                continue
            loss = self._loss(path)
            if loss is None:
                continue
            test = self._is_test(path)
            choice = self._manifest.tests.get(path) if test else None
            reason = self._goes_whole(path, loss, choice)
            if reason is None:
                before = parse(self._files[path])
                used = used_names(before) if before is not None else set()
                done = Cutting(path, source, used, loss, test=test and choice != "keep").run()
                if not done.idle or done.left:
                    changed |= self._keep(path, done, cut)
                    continue
                reason = "nothing in it is left to test"
            self.going[path] = reason
            self._gone.files.add(path)
            changed = True
        return changed

    def _goes_whole(self, path: str, loss: Loss, choice: str | None) -> str | None:
        if choice == "delete" and (loss.imports or loss.fixtures):
            return "the manifest deletes it"
        name = PurePosixPath(path).name
        is_helper = (
            self._is_test(path)
            and not name.startswith("test_")
            and not name.endswith("_test.py")
            and name not in {"conftest.py", "__init__.py"}
        )
        if is_helper and loss.imports and choice is None:
            return f"it needs {loss.imports[0].path}, which is removed"
        return None

    def _keep(self, path: str, done: CutFile, cut: dict[str, CutFile]) -> bool:
        names, fixtures = set(self._gone.names.get(path, ())), set(done.fixtures)
        known = names >= done.lost
        self._gone.names[path] = names | done.lost
        if path.endswith("conftest.py"):
            folder = path.removesuffix("conftest.py")
            known &= self._gone.fixtures.get(folder, set()) >= fixtures
            self._gone.fixtures[folder] = self._gone.fixtures.get(folder, set()) | fixtures
        cut[path] = done
        return not known

    def _loss(self, path: str) -> Loss | None:
        """Return the removed names that a file uses; None: it uses none."""
        gone, moved = [], {}
        for item in self._imports[path]:
            if item.path in self._gone.files and (new := self._moved_to(item.path)) is not None and self._offers(new, item):
                moved[item] = module_name(new)
            elif item.path in self._gone.files or item.name in self._gone.names.get(item.path, ()):
                gone.append(item)
        fixtures = frozenset(
            name for folder, names in self._gone.fixtures.items() if path.startswith(folder) and self._is_test(path) for name in names
        )
        strings = self._strings(path) if self._is_test(path) and not is_under(path, self._history) else frozenset()
        unused = self._marked[path] != self._files[path]
        if not (gone or moved or strings or unused or (fixtures and any(name.encode() in self._marked[path] for name in fixtures))):
            return None
        return Loss(imports=tuple(gone), moved=moved, fixtures=fixtures, strings=lambda text: _names_one(text, strings))

    def _offers(self, path: str, item: Imported) -> bool:
        return path in self._sources and item.name is not None and item.name in bound_names(self._sources[path].module)

    def _strings(self, path: str) -> frozenset[str]:
        """Return the names of removed files that the text of a test contains."""
        data = self._marked[path]
        folder = f"{PurePosixPath(path).parent}/"
        names = {module_name(gone) for gone in self._gone.files if gone.endswith(".py") and "/" in gone} | self._gone.files
        names |= {gone.removeprefix(folder) for gone in self._gone.files if gone.startswith(folder)}
        names |= set(self._words)
        return frozenset(name for name in names if name.encode() in data)


def _names_one(text: str, names: Collection[str]) -> bool:
    """Return whether a string contains one of the names. It may be in a longer text, such as a program."""
    return any(name in text and re.search(rf"(?<![\w./]){re.escape(name)}(?!\w)", text) for name in names)
