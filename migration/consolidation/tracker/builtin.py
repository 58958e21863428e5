"""The boxes that every consolidation has: from what the audit finds, and from the manifest of removal where there is one."""

from collections.abc import Iterator

from migration.consolidation.removal import CERTIFICATE_NAME
from migration.consolidation.tracker.checks import Check
from migration.consolidation.tracker.family import Alone, Characterised, Guarded, KnownCheck, Nothing, RewrittenCheck, Unused
from migration.consolidation.tracker.files import AcceptedCheck, GoneCheck
from migration.consolidation.tracker.going import Assigned, Certified
from migration.consolidation.tracker.steps import StepName
from migration.consolidation.tracker.tree import CONFIGURATION, TrackedTree


def boxes_of(step: StepName, tree: TrackedTree) -> Iterator[Check]:
    """Yield the boxes of a step.

    Raises:
        ConfigurationError: the audit is configured wrongly.
    """
    match step:
        case "audit":
            yield Nothing(text="Every file of the tree can be read.", none="problems")
            yield KnownCheck(text="Every implementation is known, with its role.")
            yield Nothing(text="No import of the family leads nowhere.", none="broken-imports")
            yield Nothing(text="No call is made that its callee does not take.", none="misfits")
        case "discover":
            yield from (Characterised(text=f"Tests hold on to what `{path}` does.", of=path) for path in tree.legacy)
        case "tests":
            staying = [item for item in tree.inventory.implementations if item.role in {"target", "factory"}]
            yield from (Characterised(text=f"Tests say what `{item.path}` does, the {item.role}.", of=item.path) for item in staying)
        case "plan":
            yield Guarded(text="No implementation is added, and no user of one that has to be removed.")
            if tree.manifest is not None:
                yield Assigned(text="Every implementation that has to go belongs to a surface, whose removal takes it along.")
            yield from (
                AcceptedCheck(
                    text=f"Every accepted difference on `{surface}` has an owner, a reason, and a last day or the word permanent.",
                    ledger=ledger,
                )
                for surface, ledger in _ledgers(tree)
            )
        case "execute":
            yield from (Unused(text=f"Nothing uses `{path}`.", of=path) for path in tree.legacy)
            yield Nothing(text="No string names an implementation that has to go.", none="strings")
            yield RewrittenCheck(text="The codemod has nothing to rewrite, and leaves nothing to a person.")
        case "stability":
            yield from (
                Certified(text=f"Production says that control of `{surface}` may go.", surface=surface, file=CERTIFICATE_NAME)
                for surface in (tree.manifest.surfaces if tree.manifest is not None else ())
            )
        case "close":
            yield from (
                AcceptedCheck(text=f"The remaining differences on `{surface}` are accepted permanently.", ledger=ledger, settled=True)
                for surface, ledger in _ledgers(tree)
            )
            yield from (
                GoneCheck(text=f"`{path}` is gone.", path=path, module=tree.module(path), but=tuple(sorted(tree.own - {CONFIGURATION})))
                for path in tree.legacy
            )
            yield Alone(text="The target and its factory are the only implementations.")


def _ledgers(tree: TrackedTree) -> Iterator[tuple[str, str]]:
    if (manifest := tree.manifest) is not None:
        yield from ((surface, parts.ledger) for surface, parts in manifest.surfaces.items())
