"""The removal of control: whether it is allowed (`readiness/`), the certificate (`certificate.py`), and the removal itself (`apply/`).
`manifest.py` names the parts of control.
"""

from typing import TYPE_CHECKING

from migration.fronts import front

if TYPE_CHECKING:
    from migration.consolidation.removal.apply.applying import as_diff, carry_out, check_clean, write_copy
    from migration.consolidation.removal.apply.plan import plan_removal
    from migration.consolidation.removal.apply.tree import read_tree
    from migration.consolidation.removal.apply.values import RemovalPlan
    from migration.consolidation.removal.certificate import Certificate, sign, verify
    from migration.consolidation.removal.digest import digests
    from migration.consolidation.removal.manifest import CERTIFICATE_NAME, RemovalManifest, load_manifest
    from migration.consolidation.removal.readiness.check import RemovalCheck
    from migration.consolidation.removal.readiness.criteria import Criterion, SurfaceReadiness
    from migration.consolidation.removal.readiness.divergence import accepted
    from migration.consolidation.removal.readiness.production import Production
    from migration.consolidation.removal.readiness.retired import RetiredFlag, RetiredFlags
    from migration.consolidation.removal.signing_key import load_key, make_key, public_key
    from migration.consolidation.removal.validity import VALID_DAYS
else:
    __getattr__ = front(
        __name__,
        {
            "CERTIFICATE_NAME": "manifest",
            "Certificate": "certificate",
            "Criterion": "readiness.criteria",
            "Production": "readiness.production",
            "RemovalCheck": "readiness.check",
            "RemovalManifest": "manifest",
            "RemovalPlan": "apply.values",
            "RetiredFlag": "readiness.retired",
            "RetiredFlags": "readiness.retired",
            "SurfaceReadiness": "readiness.criteria",
            "VALID_DAYS": "validity",
            "accepted": "readiness.divergence",
            "as_diff": "apply.applying",
            "carry_out": "apply.applying",
            "check_clean": "apply.applying",
            "digests": "digest",
            "load_key": "signing_key",
            "load_manifest": "manifest",
            "make_key": "signing_key",
            "plan_removal": "apply.plan",
            "public_key": "signing_key",
            "read_tree": "apply.tree",
            "sign": "certificate",
            "verify": "certificate",
            "write_copy": "apply.applying",
        },
    )

__all__ = [
    "CERTIFICATE_NAME",
    "VALID_DAYS",
    "Certificate",
    "Criterion",
    "Production",
    "RemovalCheck",
    "RemovalManifest",
    "RemovalPlan",
    "RetiredFlag",
    "RetiredFlags",
    "SurfaceReadiness",
    "accepted",
    "as_diff",
    "carry_out",
    "check_clean",
    "digests",
    "load_key",
    "load_manifest",
    "make_key",
    "plan_removal",
    "public_key",
    "read_tree",
    "sign",
    "verify",
    "write_copy",
]
