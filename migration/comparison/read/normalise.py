"""Makes the canonical form of an encoded frame: two frames are equal under the policy exactly if their canonical forms are.

The walk is generated from the policy. Each node knows which keys of an object have a rule, and which contain values that may have one. This
is computed once for each set of keys and stored. Values to which no rule can apply are not visited.
"""

from collections.abc import Iterable

import msgspec

from migration.comparison.paths import ITEM, Json, Path, Pattern, compiled
from migration.comparison.policy import EVERY_EVENT, Policy, Rule
from migration.comparison.read.actions import Hole, Step, masked, step_of
from migration.comparison.read.canonical import decode, encode

#: plans that a node stores; keys may come from data (days, model names), so a larger cache is emptied
_PLANS_PER_NODE = 512


class Touch(msgspec.Struct, frozen=True):
    """One rule touched one field."""

    rule: Rule
    path: Path


class Normal(msgspec.Struct, frozen=True):
    """The normal form of one frame or request."""

    canonical: bytes
    holes: tuple[Hole, ...]
    value: Json  #: the normalised tree, for describing a difference


_Plan = tuple[tuple[tuple[str, Step], ...], tuple[tuple[str, "_Node"], ...]]
_Positions = tuple[tuple[int, frozenset[int]], ...]


class _Grammar:
    """The rules of one kind of event or effect, as an automaton over path segments; its states are the nodes."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.entries: list[tuple[Rule, Pattern]] = [(rule, compiled(path)) for rule in rules for path in rule.paths]
        self._nodes: dict[_Positions, _Node] = {}
        self.root = self._node(tuple((index, pattern.start()) for index, (_, pattern) in enumerate(self.entries)))

    def below(self, positions: _Positions, segment: str) -> tuple[Rule | None, "_Node | None"]:
        """Return the rule of that child, and its node if a rule may apply inside it."""
        found: Rule | None = None
        deeper: list[tuple[int, frozenset[int]]] = []
        for index, reached in positions:
            rule, pattern = self.entries[index]
            there = pattern.step(reached, segment)
            if found is None and pattern.accepts(there):
                found = rule
            if there:
                deeper.append((index, there))
        return found, self._node(tuple(deeper)) if deeper else None

    def _node(self, positions: _Positions) -> "_Node":
        if positions not in self._nodes:
            self._nodes[positions] = _Node(self, positions)
        return self._nodes[positions]


class _Node:
    """One state of the walk: normalises an object or a list at this place."""

    __slots__ = ("_grammar", "_item", "_plans", "_positions")

    def __init__(self, grammar: _Grammar, positions: _Positions) -> None:
        self._grammar, self._positions = grammar, positions
        self._plans: dict[tuple[str, ...], _Plan] = {}
        self._item: tuple[Step | None, _Node | None] | None = None

    def walk(self, value: Json, path: Path, holes: list[Hole]) -> None:
        """Normalise an object or a list in place; other values stay unchanged."""
        if type(value) is dict:
            keys = tuple(value)
            steps, nodes = self._plans.get(keys) or self._plan(keys)
            for key, step in steps:
                value[key] = step(value[key], (*path, key), holes)
            for key, node in nodes:
                child = value[key]
                if type(child) is dict or type(child) is list:
                    node.walk(child, (*path, key), holes)
        elif type(value) is list:
            for index, item in enumerate(value):
                value[index] = self.item(item, (*path, index), holes)

    def child(self, key: str) -> "_Node | None":
        """Return the node of a key that no rule names; None: no rule applies inside the key's value."""
        return self._grammar.below(self._positions, key)[1]

    def item(self, value: Json, path: Path, holes: list[Hole]) -> Json:
        """Return one normalised item of a list at this place."""
        if self._item is None:
            rule, node = self._grammar.below(self._positions, ITEM)
            self._item = (None if rule is None else step_of(rule, node), node)
        step, node = self._item
        if step is not None:
            return step(value, path, holes)
        if node is not None:
            node.walk(value, path, holes)
        return value

    def explain(self, value: Json, path: Path, found: list[Touch]) -> None:
        """Collect which rule touches which field in an object or a list, without changing the value."""
        children: Iterable[tuple[str | int, Json]] = ()
        if isinstance(value, dict):
            children = value.items()
        elif isinstance(value, list):
            children = enumerate(value)
        for part, child in children:
            rule, node = self._grammar.below(self._positions, ITEM if isinstance(part, int) else part)
            if rule is not None:
                found.append(Touch(rule, (*path, part)))
            if node is not None and (rule is None or rule.action == "sort"):
                node.explain(child, (*path, part), found)

    def _plan(self, keys: tuple[str, ...]) -> _Plan:
        steps: list[tuple[str, Step]] = []
        nodes: list[tuple[str, _Node]] = []
        for key in keys:
            rule, node = self._grammar.below(self._positions, key)
            if rule is not None:
                steps.append((key, step_of(rule, node)))
            elif node is not None:
                nodes.append((key, node))
        if len(self._plans) >= _PLANS_PER_NODE:
            self._plans.clear()
        plan = self._plans[keys] = (tuple(steps), tuple(nodes))
        return plan


class Normaliser:
    """Normalises frames and effect requests under one policy. It stores what it generates, so use one object for many comparisons."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._grammars: dict[str, _Grammar] = {}
        self._bodies: dict[str, _Node | None] = {}
        self._body = policy.envelope.body
        self._identity = tuple(policy.envelope.identity.values())
        #: whether ids in effect requests are renamed
        self.renames_in_effects = any(rule.action == "rename" and any(map(_is_effect, rule.kinds)) for rule in policy.rules)

    def rules(self, kind: str) -> tuple[Rule, ...]:
        """Return the rules that may apply to an event of that kind, or to "effect:<kind>"."""
        return tuple(
            rule
            for rule in self._policy.rules
            if rule.compare is None and (kind in rule.kinds or (rule.kinds == EVERY_EVENT and not _is_effect(kind)))
        )

    def event(self, kind: str, value: dict[str, Json]) -> Normal:
        """Normalise a decoded frame, in place. The identity in its envelope is checked separately, against the run's own request."""
        for field in self._identity:
            if field in value:
                value[field] = masked(value[field])
        return self._normal(kind, value)

    def body(self, kind: str, encoded: msgspec.Raw) -> Normal:
        """Normalise the encoded body of a frame whose other parts are known to be plain."""
        if kind not in self._bodies:
            self._bodies[kind] = self._grammar(kind).root.child(self._body)
        node = self._bodies[kind]
        value: Json = decode(encoded)
        holes: list[Hole] = []
        if node is not None:
            node.walk(value, (self._body,), holes)
        return Normal(encode(value), tuple(holes), value)

    def request(self, kind: str, value: dict[str, Json]) -> Normal:
        """Normalise a decoded request of an effect, in place."""
        return self._normal(f"effect:{kind}", value)

    def _normal(self, kind: str, value: dict[str, Json]) -> Normal:
        grammar = self._grammar(kind)
        holes: list[Hole] = []
        if grammar.entries:
            grammar.root.walk(value, (), holes)
        return Normal(encode(value), tuple(holes), value)

    def _grammar(self, kind: str) -> _Grammar:
        grammar = self._grammars.get(kind)
        if grammar is None:
            grammar = self._grammars[kind] = _Grammar(self.rules(kind))
        return grammar

    def masked(self, kind: str, encoded: msgspec.Raw) -> set[tuple[str, ...]]:
        """Return the paths of the masked fields of an encoded body that are not in a list; paths begin at the body."""
        node = self._grammar(kind).root.child(self._body)
        found: list[Touch] = []
        if node is not None:
            node.explain(decode(encoded), (), found)
        plain = {
            tuple(part for part in touch.path if isinstance(part, str)): len(touch.path) for touch in found if touch.rule.action == "mask"
        }
        return {path for path, length in plain.items() if len(path) == length}

    def touches(self, kind: str, value: Json) -> list[Touch]:
        """Return which rule touches which field of a decoded frame, or, for "effect:<kind>", of a request."""
        found: list[Touch] = []
        _Grammar(self.rules(kind)).root.explain(value, (), found)
        return found


def _is_effect(kind: str) -> bool:
    return kind.startswith("effect:")
