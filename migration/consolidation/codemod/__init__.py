"""The codemod: rewrites consumers of legacy implementations to the target where that is certain, and says where it is not.

Read in this order:

1. `rules`, `configuration`: which call replaces which, and the new name of each class.
2. `plan`: the steps; each names the folder that does it.
3. `read/`: `tree`, `inference`, `surface` and `relevance` say what the audited files mean, what the target offers, and which files
    must be read; `source`, `uses` and `bindings` are about one file.
4. `follow/`: a class that is passed on by a variable, a table or a `partial` is followed if every use can be seen.
5. `rewrite/`: `calls`, `statements` and `strings` each know one kind of place; all of them make `edits` of the text, so that the rest of a
    file keeps every character.
6. `decide/`: `analysis` decides what replaces each use in one file; `groups` and `links` decide what must be rewritten together, in a file
    and across files.
7. `report/`: reports what is left to do by hand, shows the difference, and writes the files.

In one file all uses of one legacy module are rewritten together or not at all.
"""

from typing import TYPE_CHECKING

from migration.fronts import front

if TYPE_CHECKING:
    from migration.consolidation.codemod.configuration import load_codemod_configuration
    from migration.consolidation.codemod.plan import plan_codemod
    from migration.consolidation.codemod.report.applying import apply_plan, as_diff
    from migration.consolidation.codemod.report.grouped import explained, grouped
    from migration.consolidation.codemod.report.values import CodemodPlan
else:
    __getattr__ = front(
        __name__,
        {
            "CodemodPlan": "report.values",
            "apply_plan": "report.applying",
            "as_diff": "report.applying",
            "explained": "report.grouped",
            "grouped": "report.grouped",
            "load_codemod_configuration": "configuration",
            "plan_codemod": "plan",
        },
    )

__all__ = [
    "CodemodPlan",
    "apply_plan",
    "as_diff",
    "explained",
    "grouped",
    "load_codemod_configuration",
    "plan_codemod",
]
