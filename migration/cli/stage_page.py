"""`stage show`: how LaunchDarkly's SDK evaluates the current flags, and whether the processes follow them."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import typer

from migration.cli.output import note, print_json, print_table
from migration.flags.editors import FlagRead, open_editor
from migration.flags.edits import pins
from migration.flags.meaning import (
    CANDIDATE_FAILOVER,
    SHADOW_SAMPLING,
    FlagData,
    FlagEvaluator,
    Tenant,
    quiet_sdk,
    reason_in_words,
    surface_flag_key,
    weights_remark,
)
from migration.flags.proofs import ANYBODY, bands, bucket_of, named_by_sampling
from migration.processes import LOOKED_AT
from migration.rollout import EditParts
from migration.settings import MigrationSettings
from migration.stages import STAGE_ORDER

_FINDING: Final = 1
_DRAWN: Final = 40  #: length of the bar in letters
_NAMED: Final = 10


def show_stages(settings: MigrationSettings, surfaces: Sequence[str], explain: str | None, *, as_json: bool) -> None:
    """Print the page.

    Args:
        settings: where the flags and the processes' reports are.
        surfaces: the surfaces to show.
        explain: the tenant whose stage is explained; None: no tenant.
        as_json: whether to print one JSON document on stdout.

    Raises:
        FlagSourceError: the flags cannot be read.
        Exit: a flag or a process needs attention.
    """
    editor, parts = open_editor(settings), EditParts(settings)
    try:
        read = editor.read()
        with quiet_sdk(), FlagEvaluator.of(read.data) as evaluator:
            rows = [_surface(read, evaluator, parts, surface) for surface in surfaces]
            tenant = parts.tenant(read.data, explain) if explain is not None else None
            places = {surface: _explained(read.data, evaluator, surface, tenant) for surface in surfaces} if tenant is not None else {}
            sampling = _sampling(read.data, evaluator, settings.surfaces, parts)
            unread = list(dict.fromkeys(one for surface in surfaces if (one := _unread(evaluator, surface))))
            odd = [one for key in map(surface_flag_key, surfaces) if (one := weights_remark(key, read.data.live(key)))]
        following, behind = _followed(parts, read.data.version)
    finally:
        parts.close()
    problems = [*map(str, read.problems), *unread]
    if as_json:
        document = {"surfaces": [row | {"tenant": places.get(row["surface"])} for row in rows], "shadow_sampling": sampling}
        print_json(
            document | {"version": read.data.version, "source": editor.name, "processes": following, "problems": problems, "remarks": odd}
        )
    else:
        _print(editor.name, read.data.version, rows, places, sampling)
    if read.raw is None and not read.data.flags:
        note(f"{editor.name} has no flags yet: every surface is at `off`; begin with `stage set SURFACE dualwrite --all`")
    for line in (*problems, *odd, *sampling["complaints"], *parts.notes, following):
        note(line)
    if problems or behind:
        raise typer.Exit(_FINDING)


def sampling_now(settings: MigrationSettings) -> tuple[str, dict[str, Any]]:
    """Return the source's name, and the percentages of runs that are shadowed. Raises FlagSourceError."""
    editor, parts = open_editor(settings), EditParts(settings)
    try:
        data = editor.read().data
        with quiet_sdk(), FlagEvaluator.of(data) as evaluator:
            return editor.name, _sampling(data, evaluator, settings.surfaces, parts)
    finally:
        parts.close()


def failover_now(settings: MigrationSettings) -> tuple[str, dict[str, Any]]:
    """Return the source's name, and for which surfaces and tenants runs fail over. Raises FlagSourceError."""
    editor = open_editor(settings)
    data = editor.read().data
    with quiet_sdk(), FlagEvaluator.of(data) as evaluator:

        def values(tenant: Tenant) -> dict[str, bool]:
            return {surface: evaluator.failover(surface, tenant) for surface in settings.surfaces}

        named = sorted(pins(data.live(CANDIDATE_FAILOVER)))
        return editor.name, {"surfaces": values(ANYBODY), "tenants": {name: values(Tenant(tenant_id=name)) for name in named}}


def _surface(read: FlagRead, evaluator: FlagEvaluator, parts: EditParts, surface: str) -> dict[str, Any]:
    """Return the stages of the surface's tenants: ranges of buckets if its flag is a plain percentage rollout, otherwise counts of known
    tenants.
    """
    key = surface_flag_key(surface)
    flag, drawn = read.data.live(key), bands(read.data, surface)
    row: dict[str, Any] = {
        "surface": surface,
        "version": 0 if flag is None else flag["version"],
        "stages": None,
        "evaluated": None,
        "bands": None,
        "pins": {name: evaluator.evaluate(surface, Tenant(tenant_id=name)).stage.value for name in sorted(pins(flag))},
        "kill_switch": evaluator.killed(surface, ANYBODY),
    }
    if drawn is not None:
        shares = {stage: round(sum(band.percent for band in drawn if band.stage is stage), 3) for stage in STAGE_ORDER}
        stages = {stage.value: percent for stage, percent in shares.items() if percent}
        return row | {"stages": stages, "bands": [{"stage": band.stage.value, "percent": round(band.percent, 3)} for band in drawn]}
    counts = Counter(evaluator.evaluate(surface, tenant).stage for tenant in parts.known(read.data, surface))
    return row | {
        "evaluated": {"known_tenants": counts.total(), "stages": {stage.value: counts[stage] for stage in STAGE_ORDER if counts[stage]}}
    }


def _unread(evaluator: FlagEvaluator, surface: str) -> str | None:
    """Return a sentence if the surface's flag, or the kill switch, gives no usable value for a tenant that is not pinned in the flag."""
    complaint = evaluator.evaluate(surface, ANYBODY).complaint
    return None if complaint is None or complaint.startswith(SHADOW_SAMPLING) else complaint


def _explained(data: FlagData, evaluator: FlagEvaluator, surface: str, tenant: Tenant) -> dict[str, Any]:
    """Return the tenant's stage on the surface, and why it has this stage."""
    found = evaluator.evaluate(surface, tenant)
    reason = dict(found.answer.reason)
    bucket = bucket_of(data, surface, tenant)
    return {
        "tenant": tenant.tenant_id,
        "attributes": dict(tenant.attributes),
        "stage": found.stage.value,
        "reason": reason,
        "why": reason_in_words(reason),
        "rule": None if reason.get("kind") != "RULE_MATCH" else {"number": reason.get("ruleIndex", 0) + 1, "id": reason.get("ruleId")},
        "bucket": bucket,
        "kill_switch": found.killed,
        "serves": found.plan.serves.value,
        "shadows": found.plan.shadows.value if found.plan.shadows else None,
        "sampling": found.percent,
        "complaint": found.complaint,
    }


def _sampling(data: FlagData, evaluator: FlagEvaluator, surfaces: Sequence[str], parts: EditParts) -> dict[str, Any]:
    """Return the percentage of runs that are shadowed: the default, and the value of each tenant that the flag names or that gets another
    value.

    `complaints` says what is wrong with any of these values.
    """
    others = {surface: evaluator.sampling(surface, ANYBODY) for surface in surfaces}
    named = named_by_sampling(data)
    # A rule may use attributes or segments: then all known tenants are evaluated.
    looks = bool((data.live(SHADOW_SAMPLING) or {}).get("rules"))
    known = parts.known(data, None) if looks else [Tenant(tenant_id=name) for name in named]
    tenants, said = {}, [evaluator.evaluate(surface, ANYBODY).complaint or "" for surface in surfaces]
    for tenant in sorted(known, key=lambda one: one.tenant_id):
        found = {surface: evaluator.sampling(surface, tenant) for surface in surfaces}
        if tenant.tenant_id in named or found != others:
            tenants[tenant.tenant_id] = found
        said += [evaluator.evaluate(surface, tenant).complaint or "" for surface in surfaces]
    return {
        "surfaces": others,
        "tenants": tenants,
        "complaints": list(dict.fromkeys(one for one in said if one.startswith(SHADOW_SAMPLING))),
    }


def _followed(parts: EditParts, version: int) -> tuple[str, bool]:
    """Return a sentence about which flags the processes follow, and whether a process follows other flags than these."""
    told = parts.processes()
    if told is None:
        return "it is not known whether processes follow these flags", True
    servers = [one for one in told if one.row.role == "server"]
    if not servers:
        return "no process has been seen", False
    others = [
        f"{one.row.name} ({_of(one.row.flags_version, one.state)})"
        for one in servers
        if one.row.flags_version != version or one.state != "live"
    ]
    done = f"{len(servers) - len(others)} of {len(servers)} processes follow version {version}"
    return done + (f", not {'; '.join(others)}" if others else ""), bool(others)


def _of(version: int | None, state: str) -> str:
    return f"{'no flags' if version is None else f'version {version}'}{'' if state == 'live' else f', {state}'}"


def _print(source: str, version: int, rows: list[dict[str, Any]], places: dict[str, dict[str, Any]], sampling: dict[str, Any]) -> None:
    lines = [
        [
            row["surface"],
            _stages(row),
            _listed([f"{tenant} {stage}" for tenant, stage in row["pins"].items()]),
            "ON" if row["kill_switch"] else "off",
            str(row["version"]),
        ]
        for row in rows
    ]
    print_table(f"Stages (flags version {version}, {source})", ["surface", "stages", "pinned tenants", "kill switch", "version"], lines)
    width = max(len(row["surface"]) for row in rows)
    for row in rows:
        typer.echo(f"{row['surface']:{width}}  {_drawing(row)}")
    typer.echo(f"shadow sampling: {_of_surfaces(sampling['surfaces'])}")
    for tenant, percents in list(sampling["tenants"].items())[:_NAMED]:
        typer.echo(f"shadow sampling of {tenant}: {_of_surfaces(percents)}")
    if (more := len(sampling["tenants"]) - _NAMED) > 0:
        typer.echo(f"shadow sampling of {more:,} more tenants: see `netra-migration shadow show`")
    for surface, place in places.items():
        _print_place(surface, place)


def _print_place(surface: str, place: dict[str, Any]) -> None:
    bucket = "not in a bucket" if place["bucket"] is None else f"bucket {place['bucket']:.3f} %"
    attributes = ", ".join(f"{name}={value!r}" for name, value in sorted(place["attributes"].items())) or "no attributes known"
    shadow = f", {place['shadows']} shadows {place['sampling']:g} % of its runs" if place["shadows"] else ""
    killed = "; the kill switch is on" if place["kill_switch"] else ""
    why = f"{place['why']}, {bucket}; {attributes}"
    typer.echo(f"{surface}: {place['tenant']} is at {place['stage']}: {why}; {place['serves']} serves{shadow}{killed}")
    if place["complaint"]:
        typer.echo(f"{surface}: {place['complaint']}")


def _stages(row: dict[str, Any]) -> str:
    if row["stages"] is not None:
        return ", ".join(f"{percent:g} % {stage}" for stage, percent in row["stages"].items())
    return ", ".join(f"{number:,} {stage}" for stage, number in row["evaluated"]["stages"].items()) or "-"


def _drawing(row: dict[str, Any]) -> str:
    """Return the ranges as a bar of letters, the lowest buckets first; each range gets at least one letter. For other flags, say why there
    is no bar.
    """
    if row["bands"] is None:
        known = row["evaluated"]["known_tenants"]
        why = "the flag is not a plain percentage rollout (it has rules, prerequisites or another way of assigning buckets)"
        return f"evaluated {known:,} known tenants: {why} (known: {LOOKED_AT})"
    drawn = [(band["stage"], band["percent"]) for band in row["bands"] if band["percent"]]
    letters = "".join(stage[0] * max(1, round(percent * _DRAWN / 100)) for stage, percent in drawn)
    return f"|{letters}| {', '.join(f'{stage} {percent:g} %' for stage, percent in drawn)}"


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "") or "-"


def _of_surfaces(percents: dict[str, float]) -> str:
    """Return the percentage of each surface, or only one percentage if it is the same for all."""
    values = set(percents.values())
    return f"{values.pop():g} %" if len(values) == 1 else ", ".join(f"{percent:g} % on {surface}" for surface, percent in percents.items())
