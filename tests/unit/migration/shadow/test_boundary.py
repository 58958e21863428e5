"""What a sealed process may read."""

import sys

import pytest

from migration.shadow.boundary import readable


def test_packages_that_an_installer_linked_may_be_read_and_keys_may_not(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment, cache, home = (tmp_path / name for name in ("environment", "cache", "home"))
    for folder in (environment / "packages", cache / "library", home / "keys"):
        folder.mkdir(parents=True)
    for name, target in {"library": cache / "library", "keys": home / "keys", "lost": tmp_path / "nowhere"}.items():
        (environment / "packages" / name).symlink_to(target)
    monkeypatch.setattr(sys, "prefix", str(environment))
    monkeypatch.setattr(sys, "path", [str(environment / "packages")])
    whole, _ = readable(home)
    assert [path for path in whole if path.startswith(str(tmp_path))] == [str(environment), str(cache / "library")]
