"""Checks of the removal: that each implementation belongs to a surface, and that a certificate from production allows the removal."""

import msgspec

from migration.consolidation.removal import verify
from migration.consolidation.tracker.checks import Check, code, judgement, shell
from migration.consolidation.tracker.steps import Judgement
from migration.consolidation.tracker.tree import TrackedTree
from migration.errors import CertificateError


class Assigned(Check, frozen=True, kw_only=True, tag="manifest"):
    """The removal manifest assigns each implementation that must be removed to a surface."""

    def judge(self, tree: TrackedTree) -> Judgement:
        """Tick the box if the manifest names each such implementation, and each named file exists."""
        if (manifest := tree.manifest) is None:
            return Judgement(done=False, evidence="There is no `[tool.netra-migration.removal]`.")
        named = {path for parts in manifest.surfaces.values() for path in (*parts.engines, parts.adapter, parts.ledger)}
        faults = [f"{code(item.path)} belongs to no surface" for item in tree.inventory.legacy if item.path not in named]
        faults += [f"{code(path)} does not exist" for path in sorted(named) if not tree.is_there(path)]
        return judgement(faults, "Each belongs to a surface." if manifest.surfaces else "No surface is left.")

    @property
    def command(self) -> str:
        """The command that shows the manifest."""
        return shell("grep", "-nA4", "tool.netra-migration.removal", "pyproject.toml")


class Certified(Check, frozen=True, kw_only=True, tag="certificate"):
    """A signed certificate says that control of a surface may be removed. The certificate is a file with facts that only production has."""

    surface: str
    file: str  #: the certificate

    def judge(self, tree: TrackedTree) -> Judgement:
        """Tick the box if the certificate is signed by a key of the manifest and is for this surface and the current tree.

        The time of issue is taken as the current time. Whether the certificate is still valid today is checked by `removal verify`.
        """
        if not tree.is_there(self.file):
            return Judgement(done=False, evidence=f"There is no {code(self.file)}.")
        document = tree.bytes_of(self.file)
        keys = tree.manifest.public_keys if tree.manifest is not None else ()
        try:
            verify(document, keys, now=_issued_at(document), surfaces=[self.surface], root=tree.root)
        except CertificateError as error:
            return Judgement(done=False, evidence=f"{error}.")
        return Judgement(done=True, evidence=f"{code(self.file)} allows it, is signed by a key of the manifest, and is for this tree.")

    @property
    def command(self) -> str:
        """The command that checks each criterion in production."""
        return shell("netra-migration", "removal", "check", self.surface)


def _issued_at(document: bytes) -> float:
    """Return the time of issue that a certificate contains; 0.0 if it cannot be read, because then the certificate is invalid too."""
    try:
        return msgspec.json.decode(document, type=_Dated).certificate.issued_at
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return 0.0


class _Issued(msgspec.Struct):
    issued_at: float


class _Dated(msgspec.Struct):
    certificate: _Issued
