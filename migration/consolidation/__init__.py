"""From many implementations to one: find them and all code that uses them, move that code to the target, prove that control can be removed,
remove it.

Read in this order:

1. `inventory`: what an audit finds, as frozen values. Every other module here makes these values or works on them.
2. `auditing`: the pipeline as numbered steps; each step names the module that does it.
3. `sources/`, `reading/`, `findings/`, `report/`: which files there are, what one file contains, what the files mean together, and how the
result is shown.

No code of the audited tree is ever imported or executed.
"""

from typing import TYPE_CHECKING

from migration.fronts import front

if TYPE_CHECKING:
    from migration.consolidation.auditing import AuditProgress, NoProgress, audit
    from migration.consolidation.baseline_name import BASELINE_NAME
    from migration.consolidation.configuration import AuditConfiguration, load_configuration
    from migration.consolidation.guard import baseline_of, guard_findings, load_baseline, save_baseline, shrunk
    from migration.consolidation.inventory import Inventory
    from migration.consolidation.report.document import as_document, has_findings
    from migration.consolidation.report.layout import lay_out
    from migration.consolidation.report.sarif import as_sarif
    from migration.consolidation.report.svg import as_svg
    from migration.consolidation.report.tables import print_tables
    from migration.consolidation.sources.store import default_cache
else:
    __getattr__ = front(
        __name__,
        {
            "AuditConfiguration": "configuration",
            "AuditProgress": "auditing",
            "BASELINE_NAME": "baseline_name",
            "Inventory": "inventory",
            "NoProgress": "auditing",
            "as_document": "report.document",
            "as_sarif": "report.sarif",
            "as_svg": "report.svg",
            "audit": "auditing",
            "baseline_of": "guard",
            "default_cache": "sources.store",
            "guard_findings": "guard",
            "has_findings": "report.document",
            "lay_out": "report.layout",
            "load_baseline": "guard",
            "load_configuration": "configuration",
            "print_tables": "report.tables",
            "save_baseline": "guard",
            "shrunk": "guard",
        },
    )

__all__ = [
    "BASELINE_NAME",
    "AuditConfiguration",
    "AuditProgress",
    "Inventory",
    "NoProgress",
    "as_document",
    "as_sarif",
    "as_svg",
    "audit",
    "baseline_of",
    "default_cache",
    "guard_findings",
    "has_findings",
    "lay_out",
    "load_baseline",
    "load_configuration",
    "print_tables",
    "save_baseline",
    "shrunk",
]
