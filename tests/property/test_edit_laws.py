"""Laws of proved edits, judged on their own: the SDK's evaluator is asked directly, about tenants whom the proof never saw."""

import logging
from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from ldclient.impl.evaluator import Evaluator
from ldclient.impl.events.types import EventFactory
from ldclient.versioned_data_kind import FEATURES, SEGMENTS

from migration.errors import ConfigurationError
from migration.flags.edits.surface_changes import pin, share, unpin
from migration.flags.meaning.contexts import Tenant
from migration.flags.meaning.data import FlagData, read_flag_data, surface_flag_key
from migration.flags.proofs.edit_proof import Proof, prove
from migration.model import Stage
from migration.stages import STAGE_ORDER
from tests.property.flags_drawn import TENANTS, Drawer
from tests.property.flags_judged import context

CHAT = surface_flag_key("chat")
_FACTORY = EventFactory(False)
_STAGES = {stage.value: stage for stage in STAGE_ORDER}


class IndependentEvaluation:
    """The SDK's evaluator over plain dictionaries: no client, no store, and nothing of this package."""

    def __init__(self, data: FlagData) -> None:
        self._flags = {key: FEATURES.decode({**flag, "key": key}) for key, flag in data.flags.items()}
        segments = {key: SEGMENTS.decode({**segment, "key": key}) for key, segment in data.segments.items()}
        self._sdk = Evaluator(self._live, segments.get, lambda _key: (None, ""))

    def _live(self, key: str) -> Any:
        flag = self._flags.get(key)
        return None if flag is None or flag.deleted else flag

    def stage(self, tenant: Tenant) -> Stage | None:
        """Return where the tenant is: `off` where the flag says nothing or an error is met; None for a value that is not a stage."""
        flag = self._live(CHAT)
        if flag is None:
            return Stage.OFF
        asked = context("chat", tenant.tenant_id, dict(tenant.attributes))
        try:
            detail = self._sdk.evaluate(flag, asked, _FACTORY).detail
        except Exception:  # noqa: BLE001 - the SDK's client gives its default then
            return Stage.OFF
        return Stage.OFF if detail.variation_index is None else _STAGES.get(detail.value)


def some_tenants(drawer: Drawer, number: int) -> list[Tenant]:
    """Return tenants, some of whom targets and segments may name, with attributes that rules look at."""
    # A lone surrogate is not a text: nobody can be served under such an id, and the SDK deals it to no bucket.
    drawn = [one for one in (drawer.tenant() for _ in range(number)) if one[0].isprintable()]
    names = [tenant_id if drawer.now_and_then(3) else f"x{drawer.random.randrange(100_000)}" for tenant_id, _ in drawn]
    return [Tenant(tenant_id=name, attributes=attributes) for name, (_, attributes) in zip(names, drawn, strict=True)]


#: Members that somebody changes by hand, in a flag that stays the same otherwise.
BY_HAND: list[dict[str, Any]] = [
    {"rules": []},
    {
        "rules": [
            {"id": "new", "variation": 1, "clauses": [{"contextKind": "tenant", "attribute": "key", "op": "startsWith", "values": ["x1"]}]}
        ]
    },
    {"salt": "another"},
    {"prerequisites": []},
    {"prerequisites": [{"key": "nowhere", "variation": 0}]},
    {"contextTargets": []},
    {"contextTargets": [{"contextKind": "surface", "variation": 1, "values": ["chat"]}]},
    {"on": False},
    {"on": True},
    {"offVariation": 1},
]
PERCENTS = (0.0, 0.001, 1.0, 10.0, 25.0, 50.0, 90.0, 100.0)


def some_edit(drawer: Drawer) -> tuple[Any, ...]:
    """Return an edit as a command or a person makes it."""
    percent, stage, tenant_id = drawer.one(PERCENTS), drawer.one(STAGE_ORDER), drawer.one(TENANTS)
    share_of = ("share", stage, percent, drawer.one([None, None, Stage.OFF, Stage.DUALWRITE]))
    raised, member = ("raise", drawer.one([0, 1]), percent), ("member", drawer.one(BY_HAND))
    by_hand = ("by hand", drawer.flag(CHAT, drawer.stages()))
    return drawer.one([raised, raised, share_of, ("pin", stage, tenant_id), ("unpin", tenant_id), by_hand, member, member])


def edited(flag: Any, edit: tuple[Any, ...]) -> Any:
    """Return the flag after an edit of the command's, or after one that somebody made by hand with all of it."""
    kind, *arguments = edit
    if kind == "share":
        return share(flag, "chat", *arguments)
    if kind == "raise":
        return share(flag, "chat", STAGE_ORDER[min(_upper(flag) + arguments[0], len(STAGE_ORDER) - 1)], arguments[1])
    if kind == "member":
        return dict(flag or {"key": CHAT, "variations": ["off", "dualwrite"]}) | {"version": 99} | arguments[0]
    if kind == "pin":
        return pin(flag, "chat", arguments[1], arguments[0])
    if kind == "unpin":
        return unpin(flag, "chat", arguments[0])
    return arguments[0]


def _upper(flag: Any) -> int:
    """Return the last stage that a rollout lists; 0 without one."""
    listed = ((flag or {}).get("fallthrough") or {}).get("rollout", {}).get("variations", [])
    return max((share_of["variation"] for share_of in listed), default=0)


def check_law(seed: int, contexts: int) -> Proof | None:
    """Check one edit with that many tenants, of whom the proof knows some; None: the edit is not possible."""
    drawer = Drawer(seed)
    data, _ = read_flag_data(drawer.flag_file(ramping=[] if drawer.now_and_then(3) else ["chat"]))
    try:
        changed = data.with_flag(CHAT, edited(data.flags.get(CHAT), some_edit(drawer)))
    except ConfigurationError:
        return None
    tenants = list({tenant.tenant_id: tenant for tenant in some_tenants(drawer, contexts)}.values())
    # Half of the time nobody is known, so that what is shown of the others has to hold alone.
    known = tenants[: len(tenants) // 4] if seed % 2 else []
    proof = prove(data, changed, "chat", known=known, surfaces=("chat",))
    now, then = IndependentEvaluation(data), IndependentEvaluation(changed)
    moved = Counter((now.stage(tenant) or Stage.OFF, then.stage(tenant)) for tenant in tenants)
    if not proof.problems:
        steps = {STAGE_ORDER.index(new) - STAGE_ORDER.index(old) for old, new in moved if new is not None}
        assert None not in {new for _, new in moved}
        assert steps <= {-1, 0, 1}
        assert not {-1, 1} <= steps
        assert {(old, new) for old, new in moved if old is not new} <= {(move.before, move.after) for move in proof.moves}
    return proof


def explore(examples: int, contexts: int) -> Counter[str]:
    """Check so many edits; return how many were proved, refused and not possible."""
    found: Counter[str] = Counter()

    @settings(max_examples=examples, deadline=None)
    @given(seed=st.integers(0, 2**32))
    def law(seed):
        proof = check_law(seed, contexts)
        found["impossible" if proof is None else "refused" if proof.problems else "moved" if proof.moves else "nobody moved"] += 1

    logging.getLogger("ldclient").setLevel(logging.CRITICAL)  # it would name a flag's faults once a tenant
    try:
        law()
    finally:
        logging.getLogger("ldclient").setLevel(logging.NOTSET)
    return found


def test_a_proved_edit_moves_no_tenant_against_the_rule():
    found = explore(300, 50)
    assert found["moved"] >= 15
    assert found["refused"] >= 15
