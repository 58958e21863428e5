"""Finds data of other tenants and users in runs.

Scans everything that a run sent, asked for, received and logged for identifiers and canaries of other tenants and
users.

Read `inspector` first: it is the list of steps. Only `neighbourhood` runs in the serving process; everything else runs in the worker.
`comparison` checks the claims of a frame's envelope, field by field; this package finds data that appears anywhere else.
"""

from migration.isolation.canaries import Canaries, LiveCanary
from migration.isolation.identity import Identity
from migration.isolation.inspector import Inspection, Inspector
from migration.isolation.neighbourhood import Neighbourhood
from migration.isolation.registry import Learnt, Registry

__all__ = ["Canaries", "Identity", "Inspection", "Inspector", "Learnt", "LiveCanary", "Neighbourhood", "Registry"]
