"""Each alert with its occurrence and with what is almost one: it fires when it should, says where, and ends."""

from collections.abc import Sequence

from tests.migration.alerts.checked import Case

WARNING = 'severity="warning"'
CHAT = f'{WARNING}, surface="chat"'
HERE = f'{WARNING}, job="netra-backend", instance="a"'
DIVERGENT = 'migration_comparisons_total{surface="chat", verdict="divergent"}'
MATCH = 'migration_comparisons_total{surface="chat", verdict="match"}'


def runs(origin: str, outcome: str, surface: str = "chat") -> str:
    """Return the series of runs that ended so."""
    return f'migration_runs_total{{surface="{surface}", stage="live", origin="{origin}", outcome="{outcome}"}}'


def seconds(origin: str, le: str, role: str = "serving") -> str:
    """Return one bucket of durations."""
    return f'migration_run_seconds_bucket{{surface="chat", origin="{origin}", role="{role}", le="{le}"}}'


def durations(origin: str, fast: str, all_: str) -> dict[str, str]:
    """Return a histogram: so many runs under a second, so many under ten."""
    return {
        seconds(origin, "1.0"): fast,
        seconds(origin, "10.0"): all_,
        seconds(origin, "+Inf"): all_,
        f'migration_run_seconds_count{{surface="chat", origin="{origin}", role="serving"}}': all_,
    }


BREACH = 'migration_divergences_total{surface="chat", kind="isolation_breach", severity="security", verdict="divergent"}'
COMPARED = 'migration_comparisons_total{surface="chat", verdict="match"}'
CRITICAL = 'severity="critical", surface="chat", boundary='
SKIPPED = f"{HERE}, skipped="


def shadows(expected: str, compared: str, shed: str = "0x60", failed: str = "0x60", waiting: str = "0x60") -> dict[str, str]:
    """Return the series of shadows of one process."""
    return {
        'migration_shadow_expected_total{surface="chat"}': expected,
        'migration_shadow_compared_total{surface="chat"}': compared,
        'migration_shadow_shed_total{surface="chat", reason="queue_jobs"}': shed,
        'migration_shadow_failed_total{surface="chat", reason="deadline"}': failed,
        "migration_shadow_waiting": waiting,
    }


BOUNDARY: Sequence[Case] = (
    *(
        Case(
            alert="MigrationBoundaryBroken",
            name=f"a {kind} with the verdict {verdict}",
            series={
                COMPARED: "0+9x60",
                f'migration_divergences_total{{surface="chat", kind="{kind}", severity="security", verdict="{verdict}"}}': "_x9 1x50",
            },
            fires={11: [f'{CRITICAL}"isolation"'], 23: [f'{CRITICAL}"isolation"']},
            silent=[8, 26, 55],
        )
        for kind, verdict in (("isolation_breach", "divergent"), ("control_cross_talk", "noise"))
    ),
    Case(
        alert="MigrationBoundaryBroken",
        name="an effect that no policy permits, in one process of two, counted from the first one on",
        series={
            'migration_effects_total{surface="chat", mode="replayed"}': "0+9x60",
            'migration_effects_total{surface="chat", mode="unpermitted"}': "_x9 1x50",
            'migration_effects_total{surface="chat", mode="unpermitted", job="netra-backend", instance="b"}': "0x60",
        },
        fires={11: [f'{CRITICAL}"effects"'], 23: [f'{CRITICAL}"effects"']},
        silent=[8, 26, 55],
    ),
    Case(
        alert="MigrationBoundaryBroken",
        name="accepted differences, other kinds, and effects that the policy permits are none",
        series={
            COMPARED: "0+9x60",
            'migration_divergences_total{surface="chat", kind="payload", severity="contract", verdict="divergent"}': "0+1x60",
            'migration_divergences_total{surface="chat", kind="isolation_breach", severity="security", verdict="accepted"}': "0+1x60",
            'migration_effects_total{surface="chat", mode="performed_by_shadow"}': "0+1x60",
        },
        silent=[5, 30, 60],
    ),
    Case(
        alert="MigrationBoundaryBroken",
        name="each surface is one alert, over all processes",
        series={
            'migration_effects_total{surface="tools", mode="unpermitted"}': "0x9 1x50",
            'migration_effects_total{surface="tools", mode="unpermitted", job="netra-backend", instance="b"}': "0x9 1x50",
            'migration_effects_total{surface="chat", mode="unpermitted"}': "0x60",
        },
        fires={12: ['severity="critical", surface="tools", boundary="effects"']},
    ),
)

COVERAGE: Sequence[Case] = (
    Case(
        alert="MigrationShadowSkipped",
        name="a run is neither compared, shed nor failed, and does not wait",
        series=shadows("0+10x60", "0+7x30 210+7x29", "0+0x60", "0+0.5x60", "0+2.5x30 74+2.5x29"),
        fires={38: [f'{SKIPPED}"silently"']},
        silent=[20, 30, 34],
    ),
    Case(
        alert="MigrationShadowSkipped",
        name="runs that wait, and a tenth that is shed or failed, are none",
        series=shadows("10+100x60", "0+90x60", "0+5x60", "0+5x60", "10x60"),
        silent=[10, 40, 60],
    ),
    *(
        Case(
            alert="MigrationShadowSkipped",
            name=f"more than a tenth is {what}",
            series=shadows("0+100x60", "0+88x60", **{what: "0+12x60"}),
            fires={8: [f'{SKIPPED}"counted"'], 50: [f'{SKIPPED}"counted"']},
            silent=[4],
        )
        for what in ("shed", "failed")
    ),
    Case(
        alert="MigrationShadowSkipped",
        name="a minute in which the worker was replaced is none",
        series=shadows("0+100x60", "0+100x20 2000 2100+100x38", "0x20 100x39"),
        silent=[22, 24, 26, 30, 50],
    ),
    Case(
        alert="MigrationShadowSkipped",
        name="each process is judged by itself",
        series={
            **shadows("0+100x60", "0+100x60"),
            'migration_shadow_expected_total{surface="chat", job="netra-backend", instance="b"}': "5x60",
            'migration_shadow_waiting{job="netra-backend", instance="b"}': "3x60",
        },
        fires={6: [f'{WARNING}, job="netra-backend", instance="b", skipped="silently"']},
        silent=[4],
    ),
)

DIVERGENCE: Sequence[Case] = (
    Case(
        alert="MigrationDivergent",
        name="6 % of many comparisons diverge: it fires after two minutes, and ends when they stop",
        series={MATCH: "0+94x100", DIVERGENT: "0+6x40 240x60"},
        fires={4: [CHAT], 40: [CHAT]},
        silent=[2, 47, 60],
    ),
    Case(
        alert="MigrationDivergent",
        name="5 % is not more than 5 %",
        series={MATCH: "0+95x40", DIVERGENT: "0+5x40"},
        silent=[5, 20, 40],
    ),
    Case(
        alert="MigrationDivergent",
        name="a burst that is small within the hour is none, although the last five minutes are bad",
        series={MATCH: "0+100x80", DIVERGENT: "0x59 0+40x4 160x20"},
        silent=[60, 62, 64, 66, 70],
    ),
    Case(
        alert="MigrationDivergent",
        name="an hour that was bad is none while the last five minutes are good",
        series={MATCH: "0+50x90", DIVERGENT: "0+50x30 1500x60"},
        fires={30: [CHAT]},
        silent=[37, 60],
    ),
    Case(
        alert="MigrationDivergent",
        name="three comparisons a minute, all divergent",
        series={MATCH: "0x120", DIVERGENT: "0+3x120"},
        fires={5: [CHAT], 90: [CHAT]},
    ),
    Case(
        alert="MigrationDivergent",
        name="two divergent comparisons are too few",
        series={MATCH: "0x120", DIVERGENT: "0x9 1x10 2x100"},
        silent=[15, 22, 25, 60],
    ),
    Case(
        alert="MigrationDivergent",
        name="accepted, noisy and inconclusive comparisons are not divergent",
        series={
            f'migration_comparisons_total{{surface="chat", verdict="{one}"}}': "0+50x30" for one in ("accepted", "noise", "inconclusive")
        },
        silent=[10, 30],
    ),
    Case(
        alert="MigrationDivergent",
        name="each surface is judged by itself, over all processes",
        series={
            MATCH: "0+100x40",
            'migration_comparisons_total{surface="tools", verdict="divergent", job="j", instance="a"}': "0+1x40",
            'migration_comparisons_total{surface="tools", verdict="match", job="j", instance="b"}': "0+4x40",
        },
        fires={20: [f'{WARNING}, surface="tools"']},
    ),
    Case(
        alert="MigrationDivergentSlowly",
        name="2 % for an hour: it fires after five minutes, and ends within the hour after they stop",
        series={MATCH: "0+98x300", DIVERGENT: "0+2x90 180x210"},
        fires={8: [CHAT], 90: [CHAT]},
        silent=[5, 125, 160, 300],
    ),
    Case(
        alert="MigrationDivergentSlowly",
        name="1 % is allowed",
        series={MATCH: "0+99x120", DIVERGENT: "0+1x120"},
        silent=[30, 60, 120],
    ),
    Case(
        alert="MigrationDivergentSlowly",
        name="a bad quarter of an hour after five good hours is still within the budget of six hours",
        series={MATCH: "0+100x360", DIVERGENT: "0x300 0+20x15 300x45"},
        silent=[305, 312, 318, 330],
    ),
    Case(
        alert="MigrationDivergentSlowly",
        name="a run every twenty minutes, all divergent: it fires within the hour",
        series={MATCH: "0x240", DIVERGENT: "0x19 1x19 2x19 3x19 4x160"},
        fires={66: [CHAT], 120: [CHAT]},
        silent=[45, 58, 200],
    ),
    Case(
        alert="MigrationDivergentSlowly",
        name="two divergent comparisons in six hours are too few",
        series={MATCH: "0+1x120", DIVERGENT: "0x20 1x20 2x80"},
        silent=[30, 50, 70, 100],
    ),
    Case(
        alert="MigrationDivergentRarely",
        every=5,
        name="a run every four hours, all divergent: it fires within the day",
        series={MATCH: "0x2400", DIVERGENT: "0x239 1x239 2x239 3x239 4x1100"},
        fires={735: [CHAT], 1400: [CHAT]},
        silent=[300, 700, 720, 1960],
    ),
    Case(
        alert="MigrationDivergentRarely",
        every=5,
        name="three divergent ones of a day's three hundred and one, while few run now",
        series={MATCH: "0+1x298 298x500", DIVERGENT: "0x100 1x50 2x50 3x600"},
        silent=[660, 700],
    ),
    Case(
        alert="MigrationDivergentRarely",
        every=5,
        name="three of a day's hundred and fifty, while few run now",
        series={MATCH: "0+1x150 150x700", DIVERGENT: "0x100 1x20 2x20 3x700"},
        fires={560: [CHAT], 700: [CHAT]},
        silent=[300, 480],
    ),
    Case(
        alert="MigrationDivergentRarely",
        every=5,
        name="a surface with twenty runs in six hours is judged by the other two",
        series={MATCH: "0x600", DIVERGENT: "0+1x600"},
        silent=[60, 400, 600],
    ),
)

FLAGS: Sequence[Case] = (
    Case(
        alert="MigrationFlagsStale",
        name="flags that were not read for a minute, in one process",
        series={
            "migration_flag_source_age_seconds": "1x9 61x20 1x10",
            'migration_flag_source_age_seconds{job="j", instance="b"}': "60x40",
        },
        fires={12: [HERE]},
        silent=[9, 10, 32],
    ),
    Case(
        alert="MigrationFlagsStale",
        name="the slowest process of an instance counts",
        series={'migration_flag_source_age_seconds{pid="1"}': "1x20", 'migration_flag_source_age_seconds{pid="2"}': "90x20"},
        fires={5: [HERE]},
    ),
    Case(
        alert="MigrationFlagSourceDown",
        name="a short look at a file that is being written is none",
        series={'migration_flag_source_up{pid="1"}': "1x5 0 1x5 0x20", 'migration_flag_source_up{pid="2"}': "1x40"},
        fires={16: [HERE], 30: [HERE]},
        silent=[7, 9, 14],
    ),
    Case(
        alert="MigrationFlagJump",
        name="a jump is one for a quarter of an hour",
        series={'migration_flag_jumps_total{surface="chat"}': "0x9 1x60", 'migration_flag_jumps_total{surface="tools"}': "3x69"},
        fires={10: [CHAT], 24: [CHAT]},
        silent=[9, 26, 60],
    ),
    Case(
        alert="MigrationEditNotFollowed",
        name="one process of several does not follow",
        series={
            'migration_processes_behind{job="j", instance="a"}': "0x9 1x30 0x30",
            'migration_processes_behind{job="j", instance="b"}': "0x70",
        },
        fires={12: [WARNING], 39: [WARNING]},
        silent=[9, 10, 42],
    ),
    Case(
        alert="MigrationKillSwitchOn",
        name="the kill switch is on for over an hour",
        series={
            'migration_kill_switch{surface="chat"}': "0x9 1x100 0x20",
            'migration_kill_switch{surface="chat", job="j", instance="b"}': "0x130",
            'migration_kill_switch{surface="tools"}': "0x9 1x50 0x70",
        },
        fires={72: [CHAT], 109: [CHAT]},
        silent=[30, 69, 112],
    ),
)

PROCESSES: Sequence[Case] = (
    Case(
        alert="MigrationBackendNotScraped",
        name="one of two is down for three minutes",
        series={
            "up": "1x9 0x20 1x10",
            'up{job="netra-backend", instance="b"}': "1x40",
            'up{job="another", instance="x"}': "0x40",
        },
        fires={14: ['severity="critical", job="netra-backend", instance="a"']},
        silent=[9, 12, 32],
    ),
    Case(
        alert="MigrationBackendNotScraped",
        name="a restart is none",
        series={"up": "1x9 0x2 1x30"},
        silent=[11, 13, 20],
    ),
    Case(
        alert="MigrationBackendNotScraped",
        name="a job of another name that had our metrics within six hours",
        series={
            'up{job="shop", instance="a"}': "1x9 0x400",
            'migration_flag_source_up{job="shop", instance="a"}': "1x9 stale",
        },
        fires={15: ['severity="critical", job="shop", instance="a"'], 360: ['severity="critical", job="shop", instance="a"']},
        silent=[11, 375],
    ),
    Case(
        alert="MigrationBackendNotScraped",
        name="all targets of the job disappeared",
        series={
            'up{job="shop", instance="a"}': "1x9 stale",
            'migration_flag_source_up{job="shop", instance="a"}': "1x9 stale",
            'up{job="node", instance="a"}': "1x200",
        },
        fires={15: ['severity="critical", job="shop"'], 60: ['severity="critical", job="shop"']},
        silent=[9, 12, 90],
    ),
    Case(
        alert="MigrationBackendNotScraped",
        name="the backend moved to another address",
        series={
            'up{job="shop", instance="a"}': "1x9 stale",
            'migration_flag_source_up{job="shop", instance="a"}': "1x9 stale",
            'up{job="shop", instance="b"}': "_x12 1x60",
            'migration_flag_source_up{job="shop", instance="b"}': "_x12 1x60",
        },
        silent=[11, 14, 30],
    ),
    Case(
        alert="MigrationProcessDied",
        name="a process died, as two instances read",
        series={
            'migration_history_entries{surface="", kind="process_died", job="j", instance="a"}': "7x9 8x60",
            'migration_history_entries{surface="", kind="process_died", job="j", instance="b"}': "8x70",
            'migration_history_entries{surface="chat", kind="edit", job="j", instance="b"}': "7+1x60",
        },
        fires={10: [WARNING], 23: [WARNING]},
        silent=[9, 26, 40],
    ),
    Case(
        alert="MigrationProcessDied",
        name="edits and another database with fewer entries are none",
        series={
            'migration_history_entries{surface="chat", kind="edit"}': "7+1x60",
            'migration_history_entries{surface="", kind="process_died"}': "500x20 3x40",
        },
        silent=[10, 21, 30],
    ),
    Case(
        alert="MigrationWorkerRestarts",
        name="five restarts in a quarter of an hour",
        series={"migration_shadow_worker_restarts_total": "0x9 1 2 3 4 5x40"},
        fires={16: [HERE]},
        silent=[11, 34],
    ),
    Case(
        alert="MigrationWorkerRestarts",
        name="two restarts of each of two instances are none, and a worker that dies twice an hour is none",
        series={
            "migration_shadow_worker_restarts_total": "0x9 1 2x60",
            'migration_shadow_worker_restarts_total{job="netra-backend", instance="b"}': "0x9 1 2x60",
            'migration_shadow_worker_restarts_total{job="netra-backend", instance="c"}': "0x10 1x10 2x10 3x10 4x10 5x10 6x10",
        },
        silent=[12, 20, 45, 65],
    ),
    Case(
        alert="MigrationWorkerRestarts",
        name="the restarts of all processes of an instance count together",
        series={
            f'migration_shadow_worker_restarts_total{{job="netra-backend", instance="a", pid="{pid}"}}': "0x9 1x4 2x40" for pid in (1, 2, 3)
        },
        fires={18: [HERE]},
    ),
    Case(
        alert="MigrationProcessSilent",
        name="a server does not report for a minute",
        series={
            'migration_processes{role="server", state="silent"}': "0x9 1x20 0x20",
            'migration_processes{role="server", state="silent", job="j", instance="b"}': "0x50",
            'migration_processes{role="worker", state="silent"}': "0x50",
            'migration_processes{role="server", state="live"}': "4x50",
        },
        fires={12: [f'{WARNING}, role="server"']},
        silent=[9, 10, 33],
    ),
    Case(
        alert="MigrationFactsUnknown",
        name="one process of several cannot read the history for five minutes",
        series={
            'migration_facts_up{source="history"}': "1x9 0x20 1x20",
            'migration_facts_up{source="history", job="j", instance="b"}': "1x50",
            'migration_facts_up{source="disk"}': "1x50",
        },
        fires={16: [f'{WARNING}, source="history"'], 29: [f'{WARNING}, source="history"']},
        silent=[9, 14, 32],
    ),
)

STORES: Sequence[Case] = (
    Case(
        alert="MigrationOutboxLag",
        name="a store has been down for five minutes",
        series={
            'migration_outbox_oldest_seconds{store="legacy"}': "0x9 301x20 0x20",
            'migration_outbox_oldest_seconds{store="legacy", job="j", instance="b"}': "0x50",
            'migration_outbox_oldest_seconds{store="user"}': "300x50",
        },
        fires={16: [f'{WARNING}, store="legacy"']},
        silent=[9, 14, 32],
    ),
    Case(
        alert="MigrationRunsParked",
        name="a store refused a run",
        series={
            'migration_outbox_parked{store="legacy"}': "0x9 1x20 0x20",
            'migration_outbox_parked{store="legacy", job="j", instance="b"}': "0x50",
            'migration_outbox_parked{store="user"}': "0x50",
        },
        fires={12: [f'{WARNING}, store="legacy"']},
        silent=[9, 10, 32],
    ),
    Case(
        alert="MigrationDiskNearlyFull",
        name="less than a tenth is free, on one host",
        series={
            'migration_disk_free_bytes{pid="1"}': "11x9 9x20 50x20",
            'migration_disk_size_bytes{pid="1"}': "100x50",
            'migration_disk_free_bytes{pid="2"}': "60x50",
            'migration_disk_size_bytes{pid="2"}': "100x50",
            'migration_disk_free_bytes{job="netra-backend", instance="b"}': "10x50",
            'migration_disk_size_bytes{job="netra-backend", instance="b"}': "100x50",
        },
        fires={16: [HERE]},
        silent=[9, 14, 31],
    ),
)

RAMPS: Sequence[Case] = (
    Case(
        alert="MigrationControllerMissing",
        name="nobody leads while a ramp runs",
        series={
            "migration_controller_age_seconds": "0x9 61x30 0x20",
            'migration_controller_age_seconds{job="j", instance="b"}': "0x9 90x30 0x20",
            'migration_ramp_state{surface="chat", state="running"}': "1x60",
            'migration_ramp_state{surface="tools", state="running"}': "0x60",
        },
        fires={12: [WARNING], 39: [WARNING]},
        silent=[9, 10, 42],
    ),
    Case(
        alert="MigrationControllerMissing",
        name="an instance that sees the leader is enough, and 60 s are not more than 60 s",
        series={
            "migration_controller_age_seconds": "60x60",
            'migration_controller_age_seconds{job="j", instance="b"}': "900x60",
            'migration_ramp_state{surface="chat", state="running"}': "1x60",
        },
        silent=[10, 50],
    ),
    Case(
        alert="MigrationControllerMissing",
        name="a ramp that is paused needs no controller",
        series={
            "migration_controller_age_seconds": "900x60",
            'migration_ramp_state{surface="chat", state="running"}': "0x60",
            'migration_ramp_state{surface="chat", state="paused"}': "1x60",
        },
        silent=[10, 50],
    ),
    Case(
        alert="MigrationLedgerExpiring",
        name="an entry expires within a week, for longer than a clock jumps",
        series={
            'migration_ledger_remaining_seconds{surface="chat"}': "604801x9 604799x100",
            'migration_ledger_remaining_seconds{surface="tools"}': "604800x9 500000x30 700000x80",
            'migration_ledger_remaining_seconds{surface="batch"}': "604800x120",
            'migration_ledger_remaining_seconds{surface="chat", job="j", instance="b"}': "700000x120",
        },
        fires={72: ['severity="info", surface="chat"']},
        silent=[9, 30, 68],
    ),
    Case(
        alert="MigrationCertificateExpiring",
        name="the certificate ends within two days",
        series={
            "migration_certificate_remaining_seconds": "172800x9 172799x100",
            'migration_certificate_remaining_seconds{job="j", instance="b"}': "400000x120",
        },
        fires={72: ['severity="info"']},
        silent=[9, 30, 68],
    ),
)

CANDIDATE: Sequence[Case] = (
    Case(
        alert="MigrationCandidateFailing",
        name="the candidate fails in 8 % of its runs, control in 2 %",
        series={
            runs("candidate", "failed"): "0+2x30 60x60",
            runs("candidate", "timed_out"): "0+6x30 180x60",
            runs("candidate", "completed"): "0+92x90",
            runs("control", "failed"): "0+2x90",
            runs("control", "completed"): "0+98x90",
        },
        fires={4: ['severity="critical", surface="chat"'], 30: ['severity="critical", surface="chat"']},
        silent=[2, 50, 80],
    ),
    Case(
        alert="MigrationCandidateFailing",
        name="both fail alike: the cause is outside the engines",
        series={
            runs("candidate", "failed"): "0+50x60",
            runs("candidate", "completed"): "0+50x60",
            runs("control", "timed_out"): "0+46x60",
            runs("control", "completed"): "0+54x60",
        },
        silent=[5, 30, 60],
    ),
    Case(
        alert="MigrationCandidateFailing",
        name="without control, and with control that serves nothing, more than 5 % is too much",
        series={
            runs("candidate", "failed"): "0+3x60",
            runs("candidate", "completed"): "0+40x60",
            runs("control", "completed"): "0x60",
            runs("candidate", "failed", "tools"): "0+1x60",
            runs("candidate", "completed", "tools"): "0+10x60",
        },
        fires={30: ['severity="critical", surface="chat"', 'severity="critical", surface="tools"']},
    ),
    Case(
        alert="MigrationCandidateFailing",
        name="two failures are too few, and cancelled runs are no failures",
        series={
            runs("candidate", "failed"): "0x9 1x5 2x60",
            runs("candidate", "cancelled"): "0+9x60",
            runs("candidate", "completed"): "0x60",
            runs("control", "completed"): "0+9x60",
        },
        silent=[10, 16, 20, 30, 50],
    ),
    Case(
        alert="MigrationCandidateFailing",
        name="three failures of twenty are enough, and are forgotten after half an hour",
        series={runs("candidate", "failed"): "0x9 1x5 2x5 3x80", runs("candidate", "completed"): "0+1x100"},
        fires={24: ['severity="critical", surface="chat"'], 38: ['severity="critical", surface="chat"']},
        silent=[18, 55, 80],
    ),
    Case(
        alert="MigrationCandidateSlower",
        name="one in five runs of the candidate takes seconds, of control none",
        series=durations("candidate", "0+8x60 480x60", "0+10x120") | durations("control", "0+9.5x120", "0+10x120"),
        fires={20: [CHAT], 60: [CHAT]},
        silent=[5, 14],
    ),
    Case(
        alert="MigrationCandidateSlower",
        name="both are slow",
        series=durations("candidate", "0+8x120", "0+10x120") | durations("control", "0+8.5x120", "0+10x120"),
        silent=[20, 60],
    ),
    Case(
        alert="MigrationCandidateSlower",
        name="forty runs of the candidate are too few",
        series=durations("candidate", "0+0.9x120", "0+1.5x120") | durations("control", "0+9.5x120", "0+10x120"),
        silent=[20, 60, 100],
    ),
    Case(
        alert="MigrationCandidateSlower",
        name="forty runs of control are too few",
        series=durations("candidate", "0+8x120", "0+10x120") | durations("control", "0+1.5x120", "0+1.5x120"),
        silent=[20, 60, 100],
    ),
    Case(
        alert="MigrationCandidateSlower",
        name="shadows are slower, because they get only processor time that nobody needs",
        series={
            **durations("candidate", "0+9.5x60", "0+10x60"),
            **durations("control", "0+9.5x60", "0+10x60"),
            seconds("candidate", "1.0", "shadowing"): "0x60",
            seconds("candidate", "10.0", "shadowing"): "0+500x60",
            seconds("candidate", "+Inf", "shadowing"): "0+500x60",
        },
        silent=[30, 60],
    ),
)

CASES: Sequence[Case] = (*BOUNDARY, *COVERAGE, *DIVERGENCE, *FLAGS, *PROCESSES, *STORES, *RAMPS, *CANDIDATE)
