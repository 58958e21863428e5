"""The proof of an edit for 100,000 known tenants, against the SDK evaluations that it needs: one of each tenant before, and one after."""

from migration.flags.edits.surface_changes import share
from migration.flags.meaning.contexts import Tenant, context
from migration.flags.meaning.data import FlagData, surface_flag_key
from migration.flags.meaning.evaluation import FlagEvaluator
from migration.flags.proofs.edit_proof import prove
from migration.model import Stage
from tests.benchmarks.measuring import Measured, against, beside

_KNOWN = 100_000
_PLANS = ("free", "paid", "trial")
_RULE = {"id": "r1", "variation": 0, "clauses": [{"contextKind": "tenant", "attribute": "plan", "op": "in", "values": ["free"]}]}


def run() -> dict[str, Measured]:
    """Return the cost of a tenant in a preview, for a flag that is bands and for one with a rule on an attribute."""
    plain = [Tenant(tenant_id=f"tenant-{number}") for number in range(_KNOWN)]
    described = [Tenant(tenant_id=one.tenant_id, attributes={"plan": _PLANS[at % 3], "region": "eu"}) for at, one in enumerate(plain)]
    return {"preview, bands": _measured([], plain), "preview, a rule on attributes": _measured([_RULE], described)}


def _measured(rules: list[dict[str, object]], known: list[Tenant]) -> Measured:
    key = surface_flag_key("chat")
    flag = {**share(share(None, "chat", Stage.DUALWRITE), "chat", Stage.SHADOW, 30.0), "rules": rules}
    before = FlagData(flags={key: flag})
    after = before.with_flag(key, share(flag, "chat", Stage.SHADOW, 45.0))

    def ours() -> None:
        proof = prove(before, after, "chat", known=known, surfaces=("chat",))
        if proof.problems or proof.known != _KNOWN:
            raise AssertionError(proof.problems)

    def sdk_alone() -> None:
        with FlagEvaluator.of(before) as now, FlagEvaluator.of(after) as then:
            for tenant in known:
                asked = context(tenant, "chat")
                now._client.variation_detail(key, asked, "off")
                then._client.variation_detail(key, asked, "off")

    mine, peer, ratio = against(ours, sdk_alone, calls=1, peer_calls=1, rounds=3)
    return beside(mine / _KNOWN, "µs a tenant", "SDK evaluations alone", peer / _KNOWN, ratio)
