"""Moves tenants between stages by edits of flags. Each edit is proved and written; then the processes are watched until they follow it.

A ramp is the planned path (`ramp_file`), a gate decides at each of its steps (`gate`, `standing`), and `simulation` tries a ramp out.
"""

from typing import TYPE_CHECKING

from migration.fronts import front

if TYPE_CHECKING:
    from migration.rollout.edit import Edits, Written, repeated, sentence
    from migration.rollout.flag_removal import remove_flags
    from migration.rollout.gate import GateDecision, decide
    from migration.rollout.gate_rules import What
    from migration.rollout.gates import Gated, Gates
    from migration.rollout.parts import EditParts
    from migration.rollout.position import Position, position_of, reached, target
    from migration.rollout.preview import Preview, moves_as_json
    from migration.rollout.ramp_file import DEFAULT_RAMP, Ramp, Step, parse_ramp, read_ramp
    from migration.rollout.ramp_gauges import RampGauges
    from migration.rollout.reading import StandingReader
    from migration.rollout.running import RunningController
    from migration.rollout.simulation import Summary, World, simulate
    from migration.rollout.standing import Standing
    from migration.rollout.store import Rollout, RolloutStore
else:
    __getattr__ = front(
        __name__,
        {
            "DEFAULT_RAMP": "ramp_file",
            "GateDecision": "gate",
            "Gated": "gates",
            "Gates": "gates",
            "Edits": "edit",
            "EditParts": "parts",
            "Position": "position",
            "Preview": "preview",
            "Ramp": "ramp_file",
            "Rollout": "store",
            "RolloutStore": "store",
            "RunningController": "running",
            "Standing": "standing",
            "StandingReader": "reading",
            "Step": "ramp_file",
            "Summary": "simulation",
            "What": "gate_rules",
            "World": "simulation",
            "Written": "edit",
            "decide": "gate",
            "RampGauges": "ramp_gauges",
            "moves_as_json": "preview",
            "parse_ramp": "ramp_file",
            "position_of": "position",
            "reached": "position",
            "read_ramp": "ramp_file",
            "remove_flags": "flag_removal",
            "repeated": "edit",
            "sentence": "edit",
            "simulate": "simulation",
            "target": "position",
        },
    )

__all__ = [
    "DEFAULT_RAMP",
    "EditParts",
    "Edits",
    "GateDecision",
    "Gated",
    "Gates",
    "Position",
    "Preview",
    "Ramp",
    "RampGauges",
    "Rollout",
    "RolloutStore",
    "RunningController",
    "Standing",
    "StandingReader",
    "Step",
    "Summary",
    "What",
    "World",
    "Written",
    "decide",
    "moves_as_json",
    "parse_ramp",
    "position_of",
    "reached",
    "read_ramp",
    "remove_flags",
    "repeated",
    "sentence",
    "simulate",
    "target",
]
