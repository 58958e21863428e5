"""The recordings in the evidence, and what to do if there are none."""

from migration.errors import ConfigurationError, UnknownFingerprintError
from migration.evidence import EvidenceReader, StoredRecording
from migration.settings import MigrationSettings

_SUGGESTED = 10


def kept(settings: MigrationSettings, fingerprint: str | None, surface: str | None) -> list[StoredRecording]:
    """Return the stored recordings, the oldest first. A filter that is None lets all recordings pass.

    Raises:
        UnknownFingerprintError: the kind of divergence does not exist.
        ConfigurationError: no such recording is stored; the message gives the reason and says what to do.
        EvidenceError: the evidence cannot be read.
    """
    evidence = EvidenceReader.of_settings(settings)
    try:
        if fingerprint is not None and evidence.divergence(fingerprint, surface) is None:
            raise UnknownFingerprintError(fingerprint, [one.fingerprint for one in evidence.divergences(surface, limit=_SUGGESTED)])
        found = evidence.recordings(fingerprint, surface)
    finally:
        evidence.close()
    if not found:
        raise ConfigurationError(_why_none(settings, fingerprint))
    return found


def _why_none(settings: MigrationSettings, fingerprint: str | None) -> str:
    what = f"no recording of {fingerprint} is stored" if fingerprint else "no recording is stored"
    if settings.recordings_per_divergence == 0:
        return f"{what}: NETRA_MIGRATION_RECORDINGS_PER_DIVERGENCE is 0; raise it and wait for the next occurrence"
    allowing = ", ".join(settings.plaintext_tenants) or "none"
    return (
        f"{what}: runs are stored as a whole only for tenants that allow free text, named by NETRA_MIGRATION_PLAINTEXT_TENANTS (now: "
        f"{allowing}), and never with a breach of isolation; add a tenant that agreed and wait for the next occurrence, or use your "
        "own recording" + (" with --recording" if fingerprint else "")
    )
