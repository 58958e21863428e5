"""What is known about divergences, kept: redacted, in SQL."""

from migration.evidence.key import digest_key
from migration.evidence.redaction import Redactor
from migration.evidence.store import EvidenceReader, EvidenceStore

__all__ = ["EvidenceReader", "EvidenceStore", "Redactor", "digest_key"]
