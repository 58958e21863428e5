"""Flags as LaunchDarkly's JSON, made for tests."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

STAGES = ("off", "dualwrite", "shadow", "live", "rampdown", "complete")


def rollout(**percents: float) -> dict[str, Any]:
    """Return an outcome that deals tenants out, e.g. `rollout(shadow=70, live=30)`; `off` is listed first."""
    shares = [
        {"variation": index, "weight": round(percents.get(stage, 0) * 1000)}
        for index, stage in enumerate(STAGES)
        if index == 0 or stage in percents
    ]
    return {"rollout": {"contextKind": "tenant", "variations": shares}}


def surface_flag(surface: str = "chat", *, fallthrough: Any = None, pins: Mapping[str, str] | None = None, **fields: Any) -> dict[str, Any]:
    """Return a surface's migration flag; without `fallthrough` everybody is at `off`. `pins`: tenant -> stage."""
    targets = [{"contextKind": "tenant", "variation": STAGES.index(stage), "values": [tenant]} for tenant, stage in (pins or {}).items()]
    return {
        "key": f"execution-engine-{surface}",
        "version": 1,
        "on": True,
        "variations": list(STAGES),
        "offVariation": 0,
        "salt": "netra",
        "migration": {"checkRatio": 1},
        "contextTargets": targets,
        "targets": [],
        "rules": [],
        "prerequisites": [],
        "fallthrough": {"variation": 0} if fallthrough is None else fallthrough,
        **fields,
    }


def at(stage: str, surface: str = "chat", **fields: Any) -> dict[str, Any]:
    """Return a surface's flag that has everybody at one stage."""
    return surface_flag(surface, fallthrough={"variation": STAGES.index(stage)}, **fields)


def switch(key: str, variations: Sequence[Any], served: int, **fields: Any) -> dict[str, Any]:
    """Return a flag that serves one of its variations to everybody."""
    return {
        "key": key,
        "version": 1,
        "on": True,
        "variations": list(variations),
        "offVariation": 0,
        "salt": "x",
        "fallthrough": {"variation": served},
        **fields,
    }


def kill_switch(*, on: bool, surfaces: Mapping[str, bool] | None = None, **fields: Any) -> dict[str, Any]:
    """Return the kill switch. `surfaces`: those where it is set on its own."""
    targets = [{"contextKind": "surface", "variation": int(value), "values": [surface]} for surface, value in (surfaces or {}).items()]
    return switch("execution-engine-kill-switch", [False, True], int(on), contextTargets=targets, **fields)


def sampling(percent: Any, **fields: Any) -> dict[str, Any]:
    """Return the flag that says how many runs are shadowed."""
    return switch("shadow-sampling", [0, percent], 1, **fields)


def rule(outcome: Mapping[str, Any], *clauses: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    """Return a targeting rule."""
    return {"id": "r", **outcome, "clauses": [*clauses], **fields}


def clause(attribute: str, op: str, *values: Any, kind: str = "tenant", negate: bool = False) -> dict[str, Any]:
    """Return a clause of a rule."""
    return {"contextKind": kind, "attribute": attribute, "op": op, "values": [*values], "negate": negate}


def flag_file(*flags: Mapping[str, Any], segments: Sequence[Mapping[str, Any]] = ()) -> bytes:
    """Return a flag file with these flags and segments."""
    whole = {"flags": {flag["key"]: flag for flag in flags}, "segments": {segment["key"]: segment for segment in segments}}
    return json.dumps(whole, indent=1).encode()


def replace_file(path: Path, content: bytes) -> None:
    """Put the content in the file's place, so that a reader sees the old or the new one."""
    new = path.with_name(f"{path.name}.new")
    new.write_bytes(content)
    new.replace(path)


PLANS_OF_TENANTS: dict[str, dict[str, Any]] = {}


def attributes_of(tenant_id: str) -> dict[str, Any] | None:
    """Return what a test put into `PLANS_OF_TENANTS`: a callable that settings can name."""
    return PLANS_OF_TENANTS.get(tenant_id)
