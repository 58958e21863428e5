"""Laws of proved edits, judged on their own: the SDK's evaluator is asked directly, about tenants whom the proof never saw."""

import logging
import random
from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from ldclient import Context
from ldclient.impl.evaluator import Evaluator
from ldclient.impl.events.types import EventFactory
from ldclient.versioned_data_kind import FEATURES, SEGMENTS

from migration.errors import ConfigurationError
from migration.flags.changes import pin, share, unpin
from migration.flags.contexts import Tenant
from migration.flags.data import FlagData
from migration.flags.proof import Proof, prove
from migration.model import Stage
from migration.stages import STAGE_ORDER
from tests.property.launchdarkly_flags import ATTRIBUTES, CHAT, TENANT_IDS, flag_data, flags

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
        builder = Context.builder(tenant.tenant_id).kind("tenant")
        for name, value in tenant.attributes.items():
            builder.set(name, value)
        detail = self._sdk.evaluate(flag, Context.create_multi(builder.build(), Context.create("chat", "surface")), _FACTORY).detail
        return Stage.OFF if detail.variation_index is None else _STAGES.get(detail.value)


def some_tenants(seed: int, number: int) -> list[Tenant]:
    """Return tenants, some of whom targets and segments may name, with attributes that rules look at."""
    chance = random.Random(seed)  # noqa: S311 - made-up tenants
    return [
        Tenant(
            tenant_id=chance.choice(TENANT_IDS) if chance.random() < 0.3 else f"x{chance.randrange(100_000)}",
            attributes={name: chance.choice(values) for name, values in ATTRIBUTES.items() if chance.random() < 0.5},
        )
        for _ in range(number)
    ]


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
percents = st.sampled_from([0.0, 0.001, 1.0, 10.0, 25.0, 50.0, 90.0, 100.0])
edits = st.one_of(
    st.tuples(st.just("raise"), st.sampled_from([0, 1]), percents),
    st.tuples(st.just("raise"), st.sampled_from([0, 1]), percents),
    st.tuples(st.just("share"), st.sampled_from(STAGE_ORDER), percents, st.sampled_from([None, None, Stage.OFF, Stage.DUALWRITE])),
    st.tuples(st.just("pin"), st.sampled_from(STAGE_ORDER), st.sampled_from(TENANT_IDS)),
    st.tuples(st.just("unpin"), st.sampled_from(TENANT_IDS)),
    st.tuples(st.just("by hand"), flags()),
    st.tuples(st.just("member"), st.sampled_from(BY_HAND)),
    st.tuples(st.just("member"), st.sampled_from(BY_HAND)),
)


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


def check_law(data: FlagData, edit: tuple[Any, ...], seed: int, contexts: int) -> Proof | None:
    """Check one edit with that many tenants, of whom the proof knows some; None: the edit is not possible."""
    try:
        changed = data.with_flag(CHAT, edited(data.flags.get(CHAT), edit))
    except ConfigurationError:
        return None
    tenants = list({tenant.tenant_id: tenant for tenant in some_tenants(seed, contexts)}.values())
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
    @given(data=flag_data(), edit=edits, seed=st.integers(0, 2**32))
    def law(data, edit, seed):
        proof = check_law(data, edit, seed, contexts)
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
