"""What is known about divergences, kept: redacted, in SQL."""

from migration.evidence.key import digest_key
from migration.evidence.redaction import Redactor
from migration.evidence.store import EvidenceStore

__all__ = ["EvidenceStore", "Redactor", "digest_key"]
