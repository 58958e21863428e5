"""What happens to series although nothing happens to the migration: no alert may fire.

Each series of `OLD` has a value from long ago that would be an alert if it were new, or the value of a healthy backend.
"""

from collections.abc import Callable, Mapping
from typing import Final

from tests.migration.alerts.checked import Case

#: series -> its last value; of a counter, what happened before anybody watched
OLD: Final[Mapping[str, float]] = {
    "up": 1,
    'migration_comparisons_total{surface="chat", verdict="divergent"}': 90,
    'migration_comparisons_total{surface="chat", verdict="match"}': 10,
    'migration_divergences_total{surface="chat", kind="isolation_breach", severity="security", verdict="divergent"}': 3,
    'migration_effects_total{surface="chat", mode="replayed"}': 100,
    'migration_effects_total{surface="chat", mode="unpermitted"}': 2,
    'migration_shadow_expected_total{surface="chat"}': 100,
    'migration_shadow_compared_total{surface="chat"}': 60,
    'migration_shadow_shed_total{surface="chat", reason="queue_jobs"}': 30,
    'migration_shadow_failed_total{surface="chat", reason="deadline"}': 10,
    "migration_shadow_waiting": 0,
    'migration_flag_jumps_total{surface="chat"}': 4,
    "migration_flag_source_up": 1,
    "migration_flag_source_age_seconds": 1,
    "migration_processes_behind": 0,
    'migration_kill_switch{surface="chat"}': 0,
    'migration_history_entries{surface="", kind="process_died"}': 12,
    "migration_shadow_worker_restarts_total": 9,
    'migration_processes{role="server", state="silent"}': 0,
    'migration_outbox_oldest_seconds{store="legacy"}': 0,
    'migration_outbox_parked{store="legacy"}': 0,
    "migration_controller_age_seconds": 1,
    'migration_ramp_state{surface="chat", state="running"}': 1,
    'migration_runs_total{surface="chat", stage="live", origin="candidate", outcome="failed"}': 80,
    'migration_runs_total{surface="chat", stage="live", origin="candidate", outcome="completed"}': 20,
    'migration_runs_total{surface="chat", stage="shadow", origin="control", outcome="completed"}': 100,
    **{
        f'migration_run_seconds_{part}surface="chat", origin="{origin}", role="serving"{le}}}': value
        for origin, fast in (("candidate", 5), ("control", 99))
        for part, le, value in (
            ("bucket{", ', le="1.0"', fast),
            ("bucket{", ', le="+Inf"', 100),
            ("count{", "", 100),
        )
    },
    "migration_disk_free_bytes": 50,
    "migration_disk_size_bytes": 100,
    'migration_ledger_remaining_seconds{surface="chat"}': 1_000_000,
    "migration_certificate_remaining_seconds": 400_000,
    'migration_facts_up{source="history"}': 1,
}

_DAY_S: Final = 86_400
_OTHER: Final = 'job="netra-backend", instance="b"'
#: Counters are read from the database, so a restart does not change them; gauges are set anew at once.
_RESET: Final = ("_total", "_bucket", "_count")
#: Gauges that jump with the wall clock of a host.
_WALL: Final = {"migration_outbox_oldest_seconds": 3600, "migration_ledger_remaining_seconds": -8 * _DAY_S}
_WALL_TOO: Final = {"migration_certificate_remaining_seconds": -8 * _DAY_S}
#: Facts that are read from a database or a file.
_FACTS: Final = ("processes", "history", "controller", "ramp_state", "ledger", "certificate", "disk")

#: (series, its old value) -> the series and its values over eighty minutes, in promtool's notation
Happening = Callable[[str, float], Mapping[str, str]]


def _name(series: str) -> str:
    return series.partition("{")[0]


def _of(series: str, target: str) -> str:
    name, _, labels = series.removesuffix("}").partition("{")
    return f"{name}{{{', '.join(part for part in (labels, target) if part)}}}"


def _reset(series: str, value: float) -> Mapping[str, str]:
    return {series: f"{value}x40 0x40" if _name(series).endswith(_RESET) else f"{value}x80"}


def _wall_clock(series: str, value: float) -> Mapping[str, str]:
    jump = (_WALL | _WALL_TOO).get(_name(series), 0)
    # Nothing waits in the outbox, so there is no age that could jump.
    jump = 0 if _name(series) == "migration_outbox_oldest_seconds" else jump
    return {series: f"{value}x40 {value + jump}x3 {value}x40"}


def _database_away(series: str, value: float) -> Mapping[str, str]:
    unknown = any(part in _name(series) for part in _FACTS)
    if _name(series) == "migration_facts_up":
        return {series: "1x40 0x3 1x40"}
    return {series: f"{value}x40 NaN NaN NaN {value}x40" if unknown else f"{value}x80"}


def _busy(series: str, value: float) -> Mapping[str, str]:
    good = ('verdict="match"', 'outcome="completed"', "shadow_expected", "shadow_compared", 'mode="replayed"', "run_seconds")
    return {series: f"{value}+100x80" if any(one in series for one in good) else f"{value}x80"}


HAPPENINGS: Final[Mapping[str, Happening]] = {
    "nothing": lambda series, value: {series: f"{value}x80"},
    "a busy backend in good health": _busy,
    "twenty minutes without scrapes": lambda series, value: {series: f"{value}x40 _x20 {value}x30"},
    "a single lost scrape, again and again": lambda series, value: {series: f"{value}x6 _ " * 11},
    "a restart of Prometheus": lambda series, value: {series: f"{value}x40 _x2 {value}x40"},
    "an empty Prometheus beside an old backend": lambda series, value: {series: f"_x20 {value}x60"},
    "an empty Prometheus and no backend": lambda _series, _value: {},
    "the same process under a new address": lambda series, value: {series: f"{value}x40 stale", _of(series, _OTHER): f"_x42 {value}x40"},
    "a second, older backend appears": lambda series, value: {series: f"{value}x80", _of(series, _OTHER): f"_x40 {value}x40"},
    "a restart of the backend": _reset,
    "a clock that jumps for minutes": _wall_clock,
    "a database that is away for minutes": _database_away,
}


def cases() -> list[Case]:
    """Return one case for each happening: no alert at all fires, at any time that is looked at."""
    return [
        Case(
            alert="",
            name=name,
            series={one: values for series, value in OLD.items() for one, values in happening(series, value).items()},
            # While nothing is scraped, that is an occurrence of its own; it is looked at before and after.
            silent=[minute for minute in range(5, 85, 4) if not (name == "twenty minutes without scrapes" and 40 <= minute <= 64)],
        )
        for name, happening in HAPPENINGS.items()
    ]
