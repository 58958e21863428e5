"""Checks of what removal knows: what belongs to whom."""

from migration.consolidation.tracker.checks import Check, code, judgement, shell
from migration.consolidation.tracker.steps import Judgement
from migration.consolidation.tracker.tree import Tree


class Assigned(Check, frozen=True, kw_only=True, tag="manifest"):
    """The manifest of removal says to which surface each implementation belongs that has to go."""

    def judge(self, tree: Tree) -> Judgement:
        """Tick the box when each is named, and all that is named is there."""
        if (manifest := tree.manifest) is None:
            return Judgement(done=False, evidence="There is no `[tool.netra-migration.removal]`.")
        named = {path for parts in manifest.surfaces.values() for path in (*parts.engines, parts.adapter, parts.ledger)}
        faults = [f"{code(item.path)} belongs to no surface" for item in tree.inventory.legacy if item.path not in named]
        faults += [f"{code(path)} is not there" for path in sorted(named) if not tree.is_there(path)]
        return judgement(faults, "Each belongs to one." if manifest.surfaces else "No surface is left.")

    @property
    def command(self) -> str:
        """The command that shows the manifest."""
        return shell("grep", "-nA4", "tool.netra-migration.removal", "pyproject.toml")
