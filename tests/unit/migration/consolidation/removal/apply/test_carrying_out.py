"""Carrying a plan out: all of it, nothing of it, half of it."""

import pytest

from migration.consolidation.removal.apply.applying import RealDisk, as_diff, carry_out, check_clean, write_copy
from migration.consolidation.removal.apply.tree import read_tree
from migration.errors import ConfigurationError, MigrationError


class Killed(BaseException):
    """The process is not there any more."""


class DyingDisk(RealDisk):
    """Dies before its n-th step."""

    def __init__(self, root, steps: int) -> None:
        super().__init__(root)
        self.left = steps

    def _step(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Killed

    def replace(self, path, data, /) -> None:
        self._step()
        super().replace(path, data)

    def remove(self, path, /) -> None:
        self._step()
        super().remove(path)


def test_a_plan_alone_writes_nothing(code_base):
    before = code_base.files()
    plan = code_base.plan("alpha")
    assert [as_diff(change)[:5] for change in plan.edited] == ["--- a", "--- a"]
    assert code_base.files() == before


def test_afterwards_the_tree_is_as_planned_and_empty_folders_are_gone(code_base):
    plan = code_base.plan("alpha")
    expected = plan.after(read_tree(code_base.root))
    carry_out(code_base.root, plan)
    assert code_base.files() == expected
    carry_out(code_base.root, code_base.plan("beta", whole=True))
    assert not (code_base.root / "app" / "controls").exists()
    assert not (code_base.root / "ledger").exists()


def test_a_second_time_there_is_no_such_surface_any_more(code_base):
    carry_out(code_base.root, code_base.plan("alpha"))
    with pytest.raises(MigrationError, match="unknown surface 'alpha'"):
        code_base.plan("alpha")


@pytest.mark.parametrize("steps", range(8))
def test_killed_after_any_step_a_second_run_brings_the_same_tree_and_git_the_old_one(code_base, committed, steps):
    code_base.write(
        {
            "app/engines/old_alpha.py": "from app.cache import Cache\n\n\nclass OldAlpha(Cache):\n    pass\n",
            "app/cache.py": "from app.deep import Deep\n\n\nclass Cache(Deep):\n    pass\n",
            "app/deep.py": "class Deep:\n    pass\n",
            "web/table.py": "from app.controls.alpha import ControlAlpha\n\nTABLE = [int, ControlAlpha]\n",
        }
    )
    committed("add", "-A")
    committed("commit", "-q", "-m", "more")
    plan, before = code_base.plan("alpha"), code_base.files()
    whole = plan.after(read_tree(code_base.root))
    assert len(plan.deleted) + len(plan.edited) == 8
    with pytest.raises(Killed):
        carry_out(code_base.root, plan, DyingDisk(code_base.root, steps))
    again = code_base.plan("alpha")
    carry_out(code_base.root, again)
    assert code_base.files() == whole
    committed("restore", ".")
    assert code_base.files() == before


def test_with_something_left_to_a_person_nothing_is_written(code_base):
    code_base.write({"docs/a.md": "OldAlpha\n"})
    before = code_base.files()
    with pytest.raises(ConfigurationError, match="1 places must be changed"):
        carry_out(code_base.root, code_base.plan("alpha"))
    assert code_base.files() == before


def test_a_file_that_was_changed_since_is_not_overwritten(code_base):
    plan = code_base.plan("alpha")
    code_base.write({"app/root.py": "changed = 1\n"})
    before = code_base.files()
    with pytest.raises(ConfigurationError, match=r"app/root\.py: was changed"):
        carry_out(code_base.root, plan)
    assert code_base.files() == before


@pytest.mark.parametrize(("path", "refused"), [("app/root.py", True), ("ledger/alpha.toml", True), ("app/direct.py", False)])
def test_changes_that_are_not_committed_are_in_the_way_only_where_something_goes(code_base, committed, path, refused):
    committed("status")
    code_base.write({path: (code_base.root / path).read_text() + "\n# more\n"})
    plan = code_base.plan("alpha")
    if refused:
        with pytest.raises(ConfigurationError, match=path):
            check_clean(code_base.root, plan)
    else:
        check_clean(code_base.root, plan)


def test_without_git_there_is_no_way_back_and_so_no_removal(code_base):
    with pytest.raises(ConfigurationError, match="not under Git"):
        check_clean(code_base.root, code_base.plan("alpha"))


def test_a_copy_has_the_permissions_of_the_tree_and_a_folder_in_use_is_refused(code_base, tmp_path_factory):
    (code_base.root / "app" / "main.py").chmod(0o755)
    folder = tmp_path_factory.mktemp("copies") / "new"
    files = read_tree(code_base.root)
    write_copy(code_base.root, files, folder)
    assert (folder / "app" / "main.py").stat().st_mode & 0o777 == 0o755
    with pytest.raises(ConfigurationError, match="already exists"):
        write_copy(code_base.root, files, folder)


def test_only_what_version_control_tracks_is_looked_at(code_base, committed):
    committed("status")
    code_base.write({"notes.md": "OldAlpha was here\n"})
    assert code_base.plan("alpha").left == ()


def test_the_difference_is_one_that_patch_takes_also_without_a_line_end(code_base):
    code_base.write({"docs/a.md": "x\n# goes with: alpha\ny\n# stays\nz"})
    [change] = [change for change in code_base.plan("alpha").edited if change.path == "docs/a.md"]
    assert as_diff(change).splitlines()[2:] == [
        "@@ -1,5 +1,2 @@",
        " x",
        "-# goes with: alpha",
        "-y",
        "-# stays",
        " z",
        "\\ No newline at end of file",
    ]


def test_what_went_with_its_folder_needs_no_removal_of_its_own(tmp_path):
    for name in ("own/module.py", "own/__pycache__/module.pyc", "stays"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    disk = RealDisk(tmp_path)
    for name in ("own/module.py", "own/__pycache__/module.pyc"):
        disk.remove(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["stays"]
