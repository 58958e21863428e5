"""Laws of ramps, judged by the SDK's own evaluation: nobody goes back while a percentage rises, and nobody skips a stage."""

import itertools
import math
from types import MappingProxyType

from hypothesis import given, settings
from hypothesis import strategies as st
from ldclient import Context
from ldclient.impl.evaluator import Evaluator
from ldclient.impl.events.types import EventFactory
from ldclient.versioned_data_kind import FEATURES

from migration.errors import BackwardRampError, ConfigurationError, ForbiddenStageMoveError
from migration.flags.ramp import check_edit, pin, share
from migration.flags.surface_flag import WHOLE, SurfaceFlag
from migration.model import Stage
from migration.stages import STAGE_ORDER

TENANTS = tuple(f"tenant-{number}" for number in range(2_000))
CONTEXTS = {tenant: Context.create_multi(Context.create(tenant, "tenant"), Context.create("chat", "surface")) for tenant in TENANTS}
PINNABLE = TENANTS[:5]
_SDK = Evaluator(lambda _key: None, lambda _key: None, lambda _key: (None, ""))
_FACTORY = EventFactory(False)

stages = st.sampled_from(STAGE_ORDER)
percents = st.integers(0, WHOLE).map(lambda weight: weight / 1000)


@st.composite
def weightings(draw) -> tuple[int, ...]:
    cuts = sorted(draw(st.lists(st.integers(0, WHOLE), min_size=5, max_size=5)))
    return tuple(high - low for low, high in zip([0, *cuts], [*cuts, WHOLE], strict=True))


flags = st.builds(
    SurfaceFlag,
    surface=st.just("chat"),
    weights=weightings(),
    pins=st.dictionaries(st.sampled_from(PINNABLE), stages).map(MappingProxyType),
    on=st.sampled_from([True, True, True, False]),
    salt=st.sampled_from(["netra", "netra", "other"]),
    seed=st.sampled_from([None, None, 209]),
)
edits = st.lists(
    st.one_of(
        st.tuples(st.just("share"), st.sampled_from([-1, 0, 0, 1, 1]), percents),
        st.tuples(st.just("pin"), st.sampled_from([-1, 0, 1, 1]), st.sampled_from(PINNABLE)),
    ),
    max_size=30,
)


def ask_sdk(flag: SurfaceFlag) -> dict[str, Stage]:
    """Return each tenant's stage as LaunchDarkly's SDK evaluates the rendered flag."""
    model = FEATURES.decode({**flag.render({}), "version": 1})
    return {tenant: Stage(_SDK.evaluate(model, CONTEXTS[tenant], _FACTORY).detail.value) for tenant in TENANTS}


def rank(stage: Stage) -> int:
    return STAGE_ORDER.index(stage)


def stage_at(flag: SurfaceFlag, bucket: float) -> Stage:
    """Return the stage of a bucket by the SDK's loop over its listed weights."""
    if not flag.on:
        return Stage.OFF
    total, listed = 0.0, flag.render({})["fallthrough"]["rollout"]["variations"]
    for share_of in listed:
        total += share_of["weight"] / 100_000.0
        if bucket < total:
            return STAGE_ORDER[share_of["variation"]]
    return STAGE_ORDER[listed[-1]["variation"]]


def cut_points(*flags_: SurfaceFlag) -> set[float]:
    """Return every bucket at which some flag changes its answer, and the last one before it."""
    cuts = {0.0, 1.0}
    for flag in flags_:
        total = 0.0
        for weight in flag.weights:
            total += weight / 100_000.0
            cuts |= {total, math.nextafter(total, 0.0)}
    return {cut for cut in cuts if 0 <= cut <= 1}


@settings(max_examples=40, deadline=None)
@given(flag=flags)
def test_this_tool_and_the_sdk_put_every_tenant_at_the_same_stage(flag):
    assert {tenant: flag.stage_of(tenant) for tenant in TENANTS} == ask_sdk(flag)


@settings(max_examples=25, deadline=None)
@given(edits=edits)
def test_over_any_walk_of_accepted_edits_no_tenant_goes_back_or_skips_a_stage(edits):
    flag = SurfaceFlag(surface="chat")
    before = ask_sdk(flag)
    for kind, step, detail in edits:
        now = flag.stage_of(detail) if kind == "pin" else flag.bands()[-1].stage
        stage = STAGE_ORDER[min(max(rank(now) + step, 0), len(STAGE_ORDER) - 1)]
        try:
            edited = pin(flag, detail, stage) if kind == "pin" else share(flag, stage, detail)
            check_edit(flag, edited, allow_back=False)
        except (BackwardRampError, ForbiddenStageMoveError, ConfigurationError):
            continue
        after = ask_sdk(edited)
        assert all(rank(before[tenant]) <= rank(after[tenant]) <= rank(before[tenant]) + 1 for tenant in TENANTS)
        flag, before = edited, after


@settings(max_examples=6, deadline=None)
@given(raises=st.lists(percents, min_size=1, max_size=4))
def test_raising_the_ramp_from_stage_to_stage_never_moves_a_tenant_back(raises):
    flag = SurfaceFlag(surface="chat")
    before = ask_sdk(flag)
    for stage in STAGE_ORDER[1:]:
        for percent in (*sorted(raises), 100.0):
            edited = share(flag, stage, percent)
            check_edit(flag, edited, allow_back=False)
            after = ask_sdk(edited)
            assert all(rank(before[tenant]) <= rank(after[tenant]) for tenant in TENANTS)
            flag, before = edited, after
    assert set(before.values()) == {Stage.COMPLETE}


@settings(max_examples=300, deadline=None)
@given(before=flags, after=flags)
def test_the_proof_agrees_with_every_bucket_at_which_anything_can_change(before, after):
    alike = (before.salt, before.seed) == (after.salt, after.seed)
    buckets = sorted(cut_points(before, after))
    pairs = (
        {(stage_at(before, bucket), stage_at(after, bucket)) for bucket in buckets}
        if alike
        else {(stage_at(before, one), stage_at(after, other)) for one in buckets for other in buckets}
    )
    pairs |= {(before.stage_of(tenant), after.stage_of(tenant)) for tenant in {*before.pins, *after.pins}}
    jumps = any(abs(rank(new) - rank(old)) > 1 for old, new in pairs)
    backwards = any(rank(new) < rank(old) for old, new in pairs)
    try:
        check_edit(before, after, allow_back=False)
    except ForbiddenStageMoveError:
        assert jumps
    except BackwardRampError:
        assert backwards
        assert not jumps
    else:
        assert not jumps
        assert not backwards


@settings(max_examples=100, deadline=None)
@given(flag=flags)
def test_bands_cover_every_bucket_once(flag):
    bands = flag.bands()
    assert (bands[0].low, bands[-1].high) == (0.0, math.inf)
    assert all(one.high == other.low for one, other in itertools.pairwise(bands))
