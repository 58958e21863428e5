import msgspec
import pytest

from migration.isolation.identity import Field, Identity
from migration.isolation.registry import Automaton, Learnt, Registry, written


class HandSet:
    """A clock that is set by hand; each look at it takes `step_s`."""

    def __init__(self, step_s: float) -> None:
        self.now_s, self.step_s = 0.0, step_s

    def __call__(self) -> float:
        self.now_s += self.step_s
        return self.now_s


def values(automaton: Automaton) -> set[str]:
    return {meaning.value for meaning in automaton.meanings if meaning is not None and not isinstance(meaning, Field)}


def test_new_identifiers_are_counted_by_where_they_are_sought(ann, bob):
    registry = Registry()
    assert registry.learn([ann, bob, ann]) == Learnt(sought_in_text=7, sought_in_fields=1)
    assert registry.learn([ann]) == Learnt()


def test_an_identifier_is_known_by_its_field_at_once(bob):
    registry = Registry()
    registry.learn([bob])
    assert registry.known(Field.TENANT, bob.tenant_id) is not None
    assert registry.known(Field.USER, bob.tenant_id) is None


def test_an_identifier_of_two_tenants_has_both_as_owners():
    registry = Registry()
    registry.learn(Identity(tenant_id=tenant, user_id="admin", thread_id="t", run_id="r") for tenant in ("acme", "globex"))
    known = registry.known(Field.USER, "admin")
    assert known is not None
    assert known.owners == {("acme", "admin"), ("globex", "admin")}


def test_the_automaton_is_kept_while_nothing_new_is_to_be_sought(ann):
    registry = Registry()
    registry.learn([ann])
    first = registry.automaton()
    registry.learn([ann, msgspec.structs.replace(ann, run_id="7", thread_id="t")])
    assert registry.automaton() is first


def test_the_automaton_is_built_anew_only_after_fifty_times_as_long_as_that_took(ann, bob):
    clock = HandSet(step_s=1.0)
    registry = Registry(clock=clock)
    registry.learn([ann])
    first = registry.automaton()  # took 1 s and was done at 2 s
    registry.learn([bob])
    clock.now_s = 50.9
    assert registry.automaton() is first
    clock.now_s = 51.0
    assert bob.run_id in values(registry.automaton())


def test_the_memory_is_bounded_and_forgets_the_oldest(ann, bob):
    registry = Registry()
    registry.learn([bob])
    registry.learn(msgspec.structs.replace(ann, run_id=f"{number:032x}") for number in range(2000))
    assert registry.known(Field.RUN, bob.run_id) is None
    assert registry.known(Field.USER, bob.user_id) is not None
    assert len(values(registry.automaton())) <= 512 + 10


@pytest.mark.parametrize(
    ("value", "ways"),
    [
        ("ann.lee@acme.example", {b"ann.lee@acme.example"}),
        ("é-1", {"é-1".encode(), b"\\u00e9-1", b"\\\\u00e9-1"}),
        ('a"b', {b'a"b', b'a\\"b', b'a\\\\\\"b'}),
        ("\ud800", {b"\xed\xa0\x80", b"\\ud800", b"\\\\ud800"}),
    ],
)
def test_an_identifier_is_sought_in_every_way_that_json_writes_it(value, ways):
    assert set(written(value)) == ways
