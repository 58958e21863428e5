"""The effect of an edit, before it is written: the proof, the run stores, the current runs, the expected shadows."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from migration.errors import HistoryMissingError, OutboxError, StoreError
from migration.flags.editors import FlagRead
from migration.flags.edits import Flag
from migration.flags.meaning import FlagData, FlagEvaluator, FlagProblem, Tenant
from migration.flags.proofs import Aim, Move, prove
from migration.model import Stage
from migration.rollout.parts import EditParts
from migration.stages import PLANS

Change = Callable[[Flag | None], Flag]
ProveChange = Callable[
    [FlagData, FlagData, Collection[str], Collection[Tenant], Callable[[int], None]], tuple[tuple[str, ...], tuple[str, ...]]
]
"""Returns a sentence for each change, and the objections; see `prove_sampling`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowLoad:
    """How much of a surface's traffic is shadowed."""

    before: float  #: percent of the tenants whose stage names a shadow
    after: float
    sampling: float  #: percent of these tenants' runs that are shadowed
    of: str  #: the tenants that the percentages are about

    def sentence(self) -> str:
        """Return the load in words."""
        return (
            f"shadow load: {self.before:g} % -> {self.after:g} % of {self.of} have a shadow, {self.sampling:g} % of their runs: "
            f"about {self.before * self.sampling / 100:.3g} % -> {self.after * self.sampling / 100:.3g} % of the runs"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """An edit that was not written."""

    surface: str | None  #: None: the flag is about all surfaces
    key: str
    read: FlagRead  #: the flags before the edit
    flag: Flag  #: the flag after the edit
    moves: tuple[Move, ...]
    shifts: tuple[str, ...]  #: changes of a flag of all surfaces, in words
    problems: tuple[str, ...]  #: why the edit is refused; (): it is proved
    known: int  #: known tenants that were evaluated
    before: Mapping[Stage, int]  #: how many of these tenants are at each stage
    after: Mapping[Stage, int]
    runs: int | None  #: current runs on the surface; None: no process has been seen
    load: ShadowLoad | None
    notes: tuple[str, ...]
    overridden: tuple[str, ...] = ()  #: objections of the ramp's gate that the operator overrides

    @property
    def changes(self) -> bool:
        """Whether there is anything to write."""
        return self.flag is not self.read.data.flags.get(self.key)

    @property
    def lowering(self) -> bool:
        """Whether a tenant moves to an earlier stage."""
        return any(move.backward for move in self.moves)


def preview_stage(
    parts: EditParts, read: FlagRead, surface: str, key: str, change: Change, *, aim: Aim | None, progress: Callable[[int], None]
) -> Preview:
    """Return the effect that a change of a surface's flag would have. Errors of `change` pass through."""
    flag = change(read.data.flags.get(key))
    after = read.data.with_flag(key, flag)
    known = parts.known(read.data, surface)
    proof = prove(read.data, after, surface, aim=aim, known=known, surfaces=parts.settings.surfaces, progress=progress)
    problems = [*_spoiled(read.problems, key), *proof.problems, *_history(parts, surface, proof.moves, known, (read.data, after))]
    shown = (proof.before, proof.after, "the known tenants") if known else (proof.shares.before, proof.shares.after, "the tenants")
    with FlagEvaluator.of(after) as evaluator:
        load = ShadowLoad(
            before=_shadowed(shown[0]),
            after=_shadowed(shown[1]),
            sampling=evaluator.sampling(surface, Tenant(tenant_id="anybody")),
            of=shown[2],
        )
        killed = evaluator.killed(surface, Tenant(tenant_id="anybody"))
    runs = _runs(parts, surface)
    notes = [f"the kill switch of {surface} is on: control serves until `netra-migration kill off {surface}`"] if killed else []
    return Preview(
        surface=surface,
        key=key,
        read=read,
        flag=flag,
        moves=proof.moves,
        shifts=(),
        problems=tuple(problems),
        known=proof.known,
        before=proof.before,
        after=proof.after,
        runs=runs,
        load=load,
        notes=(*notes, *parts.notes),
    )


def preview_switch(
    parts: EditParts, read: FlagRead, key: str, change: Change, prove_change: ProveChange, *, progress: Callable[[int], None]
) -> Preview:
    """Return the effect of a change of a flag that all surfaces share. Errors of `change` pass through."""
    flag = change(read.data.flags.get(key))
    after = read.data.with_flag(key, flag)
    known = parts.known(read.data, None)
    shifts, problems = prove_change(read.data, after, parts.settings.surfaces, known, progress)
    return Preview(
        surface=None,
        key=key,
        read=read,
        flag=flag,
        moves=(),
        shifts=shifts,
        problems=(*_spoiled(read.problems, key), *problems),
        known=len(known),
        before={},
        after={},
        runs=None,
        load=None,
        notes=tuple(parts.notes),
    )


def _spoiled(problems: Sequence[FlagProblem], key: str) -> Iterator[str]:
    """Yield a sentence if the flag exists and is invalid: the flag that processes follow instead is not known here."""
    for problem in problems:
        if problem.kind == "flag" and problem.key == key:
            yield f"{problem}; processes keep the flag that they knew before, so it cannot be shown where its tenants are"


def _history(parts: EditParts, surface: str, moves: Sequence[Move], known: Sequence[Tenant], flags: tuple[FlagData, FlagData]) -> list[str]:
    """Return a sentence if tenants would move to a stage whose run stores are not known to contain their history."""
    coverage = parts.coverage()
    entered = sorted({move.after for move in moves if move.surface == surface}, key=list(Stage).index)
    if coverage is None or not entered:
        return []
    from migration.stores import check_history

    attributed = {tenant.tenant_id: tenant for tenant in known}
    with FlagEvaluator.of(flags[0]) as now, FlagEvaluator.of(flags[1]) as then:

        def stage(evaluator: FlagEvaluator, tenant_id: str) -> Stage:
            return evaluator.stage(surface, attributed.get(tenant_id) or Tenant(tenant_id=tenant_id)).stage or Stage.OFF

        try:
            parts.recheck(surface)
            check_history(surface, entered, lambda one: stage(now, one), lambda one: stage(then, one), coverage)
        except HistoryMissingError as error:
            return [str(error).removeprefix(f"{surface}: ")]
        except (OutboxError, StoreError) as error:
            return [f"it cannot be shown whether the run stores contain the history: {error}"]
    return []


def _shadowed(stages: Mapping[Stage, float]) -> float:
    """Return the percentage that is at a stage that names a shadow."""
    whole = sum(stages.values())
    return round(100 * sum(number for stage, number in stages.items() if PLANS[stage].shadows) / whole, 3) if whole else 0.0


def _runs(parts: EditParts, surface: str) -> int | None:
    """Return the current runs on the surface, as the processes report them."""
    told = parts.processes()
    return sum(one.row.runs.get(surface, 0) for one in told) if told else None


def moves_as_json(moves: Sequence[Move]) -> list[dict[str, Any]]:
    """Return the moves in the form that `--json` prints. Of very many known tenants, only the first 1,000 are named."""
    return [
        {
            "surface": move.surface,
            "from": move.before.value,
            "to": move.after.value,
            "percent": move.percent,
            "known": len(move.tenants),
            "tenants": list(move.tenants[:1_000]),
            "others": list(move.others),
        }
        for move in moves
    ]
