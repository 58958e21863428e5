from typer.testing import CliRunner

from migration.cli.worker import command


def test_started_by_hand_it_says_who_starts_it_and_what_to_use_instead() -> None:
    result = CliRunner().invoke(command, [])
    assert result.exit_code == 2
    assert "netra-migration replay" in result.output


def test_a_descriptor_that_is_not_open_is_wrong_use() -> None:
    result = CliRunner().invoke(command, ["--jobs-fd", "700", "--results-fd", "701"])
    assert result.exit_code == 2
    assert "700" in result.output


def test_help_explains_that_the_backend_starts_it_and_shows_no_pipes() -> None:
    result = CliRunner().invoke(command, ["--help"])
    assert "backend" in result.output
    assert "fd" not in result.output
