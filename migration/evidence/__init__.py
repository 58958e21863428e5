"""Stores what is known about divergences: redacted, in SQL."""

from typing import TYPE_CHECKING

from migration.fronts import front

if TYPE_CHECKING:
    from migration.evidence.backup import back_up
    from migration.evidence.database import Database
    from migration.evidence.detections import Detections
    from migration.evidence.erasing import erase_evidence, evidence_left
    from migration.evidence.excerpt import ExcerptEvent, ExcerptRow
    from migration.evidence.gates import ComparedRow, GateReader, Place, UnseenRow
    from migration.evidence.key import digest_key
    from migration.evidence.needs import GateNeeds, note_need, prepare_needs
    from migration.evidence.reader import EvidenceReader
    from migration.evidence.redaction import Redactor
    from migration.evidence.schema import downgrade
    from migration.evidence.store import EvidenceStore
    from migration.evidence.unseen import UnseenRuns
    from migration.evidence.views import DivergenceDetail, DivergenceView, Example, NoiseView, StoredRecording, StrataView, StratumView
else:
    __getattr__ = front(
        __name__,
        {
            "ComparedRow": "gates",
            "Database": "database",
            "DivergenceDetail": "views",
            "DivergenceView": "views",
            "Detections": "detections",
            "EvidenceReader": "reader",
            "EvidenceStore": "store",
            "Example": "views",
            "ExcerptEvent": "excerpt",
            "ExcerptRow": "excerpt",
            "GateNeeds": "needs",
            "note_need": "needs",
            "prepare_needs": "needs",
            "GateReader": "gates",
            "NoiseView": "views",
            "Place": "gates",
            "Redactor": "redaction",
            "StoredRecording": "views",
            "StrataView": "views",
            "StratumView": "views",
            "UnseenRow": "gates",
            "UnseenRuns": "unseen",
            "back_up": "backup",
            "digest_key": "key",
            "downgrade": "schema",
            "erase_evidence": "erasing",
            "evidence_left": "erasing",
        },
    )

__all__ = [
    "ComparedRow",
    "Database",
    "Detections",
    "DivergenceDetail",
    "DivergenceView",
    "EvidenceReader",
    "EvidenceStore",
    "Example",
    "ExcerptEvent",
    "ExcerptRow",
    "GateNeeds",
    "GateReader",
    "NoiseView",
    "Place",
    "Redactor",
    "StoredRecording",
    "StrataView",
    "StratumView",
    "UnseenRow",
    "UnseenRuns",
    "back_up",
    "digest_key",
    "downgrade",
    "erase_evidence",
    "evidence_left",
    "note_need",
    "prepare_needs",
]
