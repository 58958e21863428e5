"""The boxes that every consolidation has: from the audit's findings, and from the removal manifest if there is one."""

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
            yield Nothing(text="No import of the family is broken.", none="broken-imports")
            yield Nothing(text="Every call fits the signature of its callee.", none="misfits")
        case "discover":
            yield from (Characterised(text=f"Tests characterise `{path}`.", of=path) for path in tree.legacy)
        case "tests":
            staying = [item for item in tree.inventory.implementations if item.role in {"target", "factory"}]
            yield from (Characterised(text=f"Tests characterise the {item.role} `{item.path}`.", of=item.path) for item in staying)
        case "plan":
            yield Guarded(text="No implementation is added, and no use of an implementation that must be removed.")
            if tree.manifest is not None:
                yield Assigned(text="Every implementation that must be removed belongs to a surface and is removed with it.")
            yield from (
                AcceptedCheck(
                    text=f"Every accepted difference on `{surface}` has an owner, a reason, and a last day or `permanent`.",
                    ledger=ledger,
                )
                for surface, ledger in _ledgers(tree)
            )
        case "execute":
            yield from (Unused(text=f"Nothing uses `{path}`.", of=path) for path in tree.legacy)
            yield Nothing(text="No string names an implementation that must be removed.", none="strings")
            yield RewrittenCheck(text="The codemod has nothing to rewrite and leaves nothing to a person.")
        case "stability":
            yield from (
                Certified(
                    text=f"A certificate from production allows the removal of control of `{surface}`.",
                    surface=surface,
                    file=CERTIFICATE_NAME,
                )
                for surface in (tree.manifest.surfaces if tree.manifest is not None else ())
            )
        case "close":
            yield from (
                AcceptedCheck(text=f"The remaining differences on `{surface}` are accepted permanently.", ledger=ledger, settled=True)
                for surface, ledger in _ledgers(tree)
            )
            yield from (
                GoneCheck(text=f"`{path}` is removed.", path=path, module=tree.module(path), but=tuple(sorted(tree.own - {CONFIGURATION})))
                for path in tree.legacy
            )
            yield Alone(text="The target and its factory are the only implementations.")


def _ledgers(tree: TrackedTree) -> Iterator[tuple[str, str]]:
    if (manifest := tree.manifest) is not None:
        yield from ((surface, parts.ledger) for surface, parts in manifest.surfaces.items())
