"""What an edit of a flag with one value for each tenant changes, and for whom, for both of these flags."""

import pytest

from migration.flags.edits.switch_changes import fail_over, sample
from migration.flags.meaning.contexts import Tenant
from migration.flags.meaning.data import CANDIDATE_FAILOVER, SHADOW_SAMPLING, FlagData
from migration.flags.proofs.setting_proof import prove_failover, prove_sampling

KNOWN = (Tenant(tenant_id="acme"), Tenant(tenant_id="wayne"))
SAMPLING = (SHADOW_SAMPLING, prove_sampling, lambda flag, value, **who: sample(flag, (100.0, 10.0)[value], **who))
FAILOVER = (CANDIDATE_FAILOVER, prove_failover, fail_over)
SENTENCES = {
    SHADOW_SAMPLING: ("chat: 100 % -> 10 % of the runs", "chat: 100 % -> 10 % of the runs of acme"),
    CANDIDATE_FAILOVER: ("chat: failover off -> on", "chat: failover off -> on for acme"),
}
both = pytest.mark.parametrize(("key", "prove", "edited"), [SAMPLING, FAILOVER])


def changes(prove, key, before, after, known=KNOWN):
    flags = {} if before is None else {key: before}
    found, problems = prove(FlagData(flags=flags), FlagData(flags={key: after}), ("chat",), known, lambda _: None)
    assert problems == ()
    return list(found)


@both
def test_tenants_that_change_like_all_others_are_not_named(key, prove, edited):
    assert changes(prove, key, None, edited(None, True)) == [SENTENCES[key][0]]


@both
def test_a_tenant_that_changes_alone_is_named(key, prove, edited):
    before = edited(None, False)
    assert changes(prove, key, before, edited(before, True, tenant_id="acme")) == [SENTENCES[key][1]]


@both
def test_a_tenant_that_keeps_its_own_value_is_not_named(key, prove, edited):
    before = edited(edited(None, False), False, tenant_id="acme")
    assert changes(prove, key, before, edited(before, True)) == [SENTENCES[key][0]]


@both
def test_a_tenant_that_only_the_edit_names_is_evaluated_too(key, prove, edited):
    before = edited(None, False)
    assert changes(prove, key, before, edited(before, True, tenant_id="acme"), known=()) == [SENTENCES[key][1]]
