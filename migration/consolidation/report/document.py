"""The JSON of `audit --json`, and whether there is work to do."""

from typing import Any

from migration.consolidation.inventory import Inventory


def as_document(inventory: Inventory, seconds: float) -> dict[str, Any]:
    """Return the document. `seconds` is how long the audit took."""
    return {
        "files": inventory.files,
        "seconds": round(seconds, 3),
        "implementations": [
            {"path": item.path, "name": item.name, "lines": item.lines, "role": item.role, "reason": item.reason}
            for item in inventory.implementations
        ],
        "modules": [
            {
                "module": counts.module,
                "import_statements": counts.import_statements,
                "import_files": counts.import_files,
                "string_references": counts.string_references,
                "commented_out": counts.commented_out,
            }
            for counts in inventory.counts
        ],
        "consumer_files": len(inventory.consumer_files),
        "similarity": [{"a": pair.a, "b": pair.b, "ratio": pair.ratio} for pair in inventory.similarity],
    }


def has_findings(inventory: Inventory) -> bool:
    """Return whether there is work to do: an implementation that must be removed, or an import or a call that cannot work."""
    return bool(inventory.legacy or inventory.broken_imports or any(call.misfit for call in inventory.calls))
