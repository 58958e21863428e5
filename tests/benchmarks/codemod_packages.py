"""The codemod on public packages that hold two implementations of one thing: its imports compared with those that an `ast` script counts.

The packages are fetched by pip, as source distributions of pinned versions, into a temporary folder, and their hashes are checked.
"""

import ast
import hashlib
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from migration.consolidation.auditing import audit
from migration.consolidation.codemod.configuration import CodemodConfiguration
from migration.consolidation.codemod.plan import plan_codemod
from migration.consolidation.configuration import AuditConfiguration
from tests.benchmarks.measuring import Measured, alone, beside


@dataclass(frozen=True)
class Package:
    """A source distribution, and the classes in it that are taken for legacy ones."""

    requirement: str
    sha256: str
    target: str
    legacy: dict[str, str]  #: name of each legacy class -> its module
    root: str = "."  #: where absolute imports begin


PACKAGES = (
    Package(
        "paramiko==3.5.0",
        "ad11e540da4f55cedda52931f1a3f812a8238a7af7f62a60de538cd80bb28124",
        "paramiko.rsakey:RSAKey",
        {"DSSKey": "paramiko.dsskey"},
    ),
    Package(
        "redis==5.2.1",
        "16f2e22dff21d5125e8481515e386711a34cbec50f0e44413dd7d9c060a54e0f",
        "redis.asyncio.retry:Retry",
        {"Retry": "redis.retry"},
    ),
    Package(
        "APScheduler==3.11.0",
        "4c622d250b0955a65d5d0eb91c33e6d43fd879834bf541e0a18661ae60460133",
        "apscheduler.schedulers.asyncio:AsyncIOScheduler",
        {
            "BackgroundScheduler": "apscheduler.schedulers.background",
            "BlockingScheduler": "apscheduler.schedulers.blocking",
            "GeventScheduler": "apscheduler.schedulers.gevent",
            "QtScheduler": "apscheduler.schedulers.qt",
            "TornadoScheduler": "apscheduler.schedulers.tornado",
            "TwistedScheduler": "apscheduler.schedulers.twisted",
        },
        "src",
    ),
)


def run() -> dict[str, Measured]:
    """Fetch, check and measure each package.

    Raises:
        subprocess.CalledProcessError: pip cannot fetch a package.
        ValueError: what was fetched is not the pinned file.
    """
    measured: dict[str, Measured] = {}
    for package in PACKAGES:
        with tempfile.TemporaryDirectory() as folder:
            measured |= _rows(package, _fetched(package, Path(folder)).resolve())
    return measured


def _fetched(package: Package, folder: Path) -> Path:
    """Return the folder with the package's files."""
    name = package.requirement.partition("==")[0]
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", name, "-d", str(folder), package.requirement]
    subprocess.run(command, check=True, timeout=300)
    (archive,) = folder.glob("*.tar.gz")
    if hashlib.sha256(archive.read_bytes()).hexdigest() != package.sha256:
        raise ValueError(f"{archive.name} is not the pinned file; compare it with the one that was judged, then pin its hash")
    with tarfile.open(archive) as files:
        files.extractall(folder, filter="data")
    (found,) = (path for path in folder.iterdir() if path.is_dir())
    return found


def _rows(package: Package, root: Path) -> dict[str, Measured]:
    names = tuple(package.legacy)
    configuration = AuditConfiguration(
        base=str(root), explicit=True, target=package.target, classes=names, source_roots=(".", "src"), shape_share=1.0
    )
    legacy = set(package.legacy.values())
    seen = {(item.path, item.line) for item in audit(root, configuration=configuration).imports if legacy & set(item.reaches)}
    counted = set(_counted(package, root))
    made = plan_codemod(root, audit=configuration, codemod=CodemodConfiguration())
    title = f"{package.requirement}: "
    return {
        f"{title}imports, {len(seen ^ counted)} of them found by one side only": beside(
            len(seen), "imports", "ast script", len(counted), len(seen) / len(counted)
        ),
        f"{title}files rewritten without rules": alone(len(made.changes), "files"),
        f"{title}files that fail without the old modules": alone(len(made.left), "files"),
    }


def _counted(package: Package, root: Path) -> Iterator[tuple[str, int]]:
    """Yield path and line of each import of a legacy module, or of a legacy class from a package that imports it.

    Nothing of the audit is used here, so that both can be compared.
    """
    own = set(package.legacy.values())
    parsed = {path: tree for path in sorted(root.rglob("*.py")) if (tree := _parse(path)) is not None}
    modules = {path: _module(path, root, package.root) for path in parsed}
    offering = {(module, name) for name, module in package.legacy.items()}
    for path, tree in parsed.items():
        if path.name == "__init__.py":
            offering |= {(modules[path], name) for _, module, name in _imported(tree, modules[path], path) if (module, name) in offering}
    for path, tree in parsed.items():
        others = own - {modules[path]}
        found = _imported(tree, modules[path], path)
        lines = {line for line, module, name in found if module in others or f"{module}.{name}" in others or (module, name) in offering}
        yield from ((path.relative_to(root).as_posix(), line) for line in lines)


def _parse(path: Path) -> ast.Module | None:
    try:
        return ast.parse(path.read_bytes())
    except SyntaxError:
        return None


def _module(path: Path, root: Path, source: str) -> str:
    base = root / source if path.is_relative_to(root / source) else root
    return ".".join(path.relative_to(base).with_suffix("").parts).removesuffix(".__init__")


def _imported(tree: ast.Module, module: str, path: Path) -> Iterator[tuple[int, str, str]]:
    """Yield line, module and name of each import; "" for the name of a plain import."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = module.split(".")
            parts = parts[: len(parts) - node.level + (path.name == "__init__.py")] if node.level else []
            yield from ((node.lineno, ".".join((*parts, *filter(None, [node.module]))), alias.name) for alias in node.names)
