"""A plan is shown as a difference that tools take, and carried out file by file."""

import shutil
import stat
import subprocess

import pytest

from migration.consolidation.codemod import plan as planning
from migration.consolidation.codemod.report.applying import apply_plan, as_diff
from migration.errors import ConfigurationError

USE = "from shop.legacy import ExecutionEngine\nx = ExecutionEngine.__name__"


def test_the_difference_makes_the_new_file_of_the_old_one(plan_of, tmp_path):
    plan = plan_of({"use.py": USE, "sub/köln.py": USE + "\n"})
    (tmp_path / "all.diff").write_text("".join(as_diff(change) for change in plan.changes))
    subprocess.run(["git", "apply", "all.diff"], cwd=tmp_path, check=True)
    assert len(plan.changes) == 2
    assert [(tmp_path / change.path).read_bytes() for change in plan.changes] == [change.after for change in plan.changes]


@pytest.mark.parametrize("tool", [["git", "apply", "--whitespace=nowarn"], ["patch", "-s", "-p1"]], ids=["git apply", "patch"])
@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("form_feed.py", USE.encode() + b"\n\x0c\ny = 1  # \xe2\x80\xa8 x\n"),
        ("windows.py", USE.replace("\n", "\r\n").encode() + b"\r\n"),
        ("latin.py", b"# coding: latin-1\n# K\xf6ln\n" + USE.encode() + b"\n"),
        ("mark.py", b"\xef\xbb\xbf" + USE.encode()),
        ("two words.py", USE.encode() + b"\n"),
        ("no_end.py", USE.encode()),
    ],
)
def test_tools_take_the_difference_whatever_the_file_is_like(plan_of, tmp_path, tool, path, data):
    if shutil.which(tool[0]) is None:
        pytest.skip(f"{tool[0]} is not installed")
    (change,) = plan_of({path: data}).changes
    subprocess.run(tool, cwd=tmp_path, input=as_diff(change).encode(errors="surrogateescape"), check=True, capture_output=True)
    assert (tmp_path / path).read_bytes() == change.after


def test_a_file_keeps_its_mode_and_a_link_stays_a_link(plan_of, tmp_path):
    plan = plan_of({"use.py": USE})
    (tmp_path / "use.py").rename(tmp_path / "real.py")
    (tmp_path / "use.py").symlink_to("real.py")
    (tmp_path / "real.py").chmod(0o750)
    apply_plan(plan)
    assert (tmp_path / "use.py").is_symlink()
    assert (tmp_path / "real.py").read_bytes() == plan.changes[0].after
    assert stat.S_IMODE((tmp_path / "real.py").stat().st_mode) == 0o750


def test_a_file_that_changed_meanwhile_is_not_overwritten(plan_of, tmp_path):
    plan = plan_of({"use.py": USE})
    (tmp_path / "use.py").write_text("mine = 1\n")
    with pytest.raises(ConfigurationError, match=r"use\.py: was changed while this ran"):
        apply_plan(plan)
    assert (tmp_path / "use.py").read_text() == "mine = 1\n"


def test_a_file_that_is_gone_is_told(plan_of, tmp_path):
    plan = plan_of({"sub/use.py": USE})
    shutil.rmtree(tmp_path / "sub")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        apply_plan(plan)


def test_a_text_that_would_not_parse_is_dropped_and_told_and_so_is_what_hangs_on_it(plan_of, monkeypatch, caplog):
    apply = planning.apply_edits
    monkeypatch.setattr(planning, "apply_edits", lambda text, edits: apply(text, edits).replace(b"def broken()", b"def ("))
    made = "from shop.legacy import ExecutionEngine\ndef broken():\n    return ExecutionEngine(r, b, u)\n"
    plan = plan_of(
        {"make.py": made, "use.py": "from make import broken\nbroken().is_active()\n", "far.py": made.replace("broken", "fine")},
    )
    assert [change.path for change in plan.changes] == ["far.py"]
    assert "the rewritten file would not parse" in next(item.advice for item in plan.advice if item.path == "make.py")
    assert "a rewritten file does not parse" in caplog.text
