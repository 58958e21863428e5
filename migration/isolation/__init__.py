"""Whose data is this? Scans everything that a run said, asked, got and logged for identifiers and canaries of other tenants and users.

Read `inspector` first: it is the list of steps. `neighbourhood` is the serving process's part, all else runs where runs are compared.
What a frame's envelope claims is checked by `comparison`, field by field; this package looks for what slipped in anywhere else.
"""

from migration.isolation.canaries import Canaries, LiveCanary
from migration.isolation.identity import Identity
from migration.isolation.inspector import Inspection, Inspector
from migration.isolation.neighbourhood import Neighbourhood
from migration.isolation.registry import Learnt, Registry

__all__ = ["Canaries", "Identity", "Inspection", "Inspector", "Learnt", "LiveCanary", "Neighbourhood", "Registry"]
