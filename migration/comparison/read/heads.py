"""Reads frames of the usual shape into a typed head: texts are decoded, and the body is left as raw bytes."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from migration.comparison.paths import matches
from migration.comparison.policy import EVERY_EVENT, Policy
from migration.comparison.read.sketches import Content, Sketch, typed
from migration.model import RunRequest

_Head = Any  # a struct type generated from the policy; mypy cannot know its fields


class HeadReader:
    """Typed decoding of frames, generated from a policy."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        envelope = policy.envelope
        fields: list[tuple[str, type]] = [(name, str) for name in envelope.texts]
        fields += [(name, int) for name in envelope.ints]
        fields += [(name, float) for name in envelope.numbers]
        masked = {name for name, _ in fields if self._is_masked_everywhere(name)}
        identity = tuple(envelope.identity.values())
        compared = tuple(name for name, _ in fields if name not in masked and name not in identity)
        self._fields, self._identity, self._compared = fields, identity, compared
        #: returns the identity that the run's own frames name
        self.expected: Callable[[RunRequest], Content] = _tuple_of(*envelope.identity)
        whole: Callable[[bytes], _Head] = msgspec.json.Decoder(typed([*fields, (envelope.body, msgspec.Raw)])).decode
        #: None: a rule applies to the envelope itself, so every frame is decoded completely
        self.read: Callable[[bytes], _Head] | None = None if self._envelope_has_rules(masked) else whole
        named = msgspec.defstruct("Named", [(name, str) for name in identity], frozen=True, gc=False)
        self.named: Callable[[bytes], object] = msgspec.json.Decoder(named).decode  #: decodes only the identity that a frame names
        self._named: Callable[..., object] = named
        #: returns body and texts of a head; frames of one kind are equal if these are equal
        self.content: Callable[[_Head], Content] = _tuple_of(envelope.body, *compared)

    def sketch(self, body: type, parts: Sequence[str]) -> Sketch:
        """Return a reader of frames whose body has this type.

        Args:
            body: a struct, or `msgspec.Raw`.
            parts: attribute paths in the struct of the parts that are compared; (): the whole body.
        """
        fields = [*self._fields, (self.policy.envelope.body, body)]
        return Sketch(fields, identity=self._identity, compared=self._compared, parts=parts)

    def owner(self, own: Content) -> object:
        """Return the result of `named` for a frame that has this identity."""
        return self._named(*own)

    def _is_masked_everywhere(self, name: str) -> bool:
        first = next((rule for rule in self.policy.rules if any(matches(path, (name,)) for path in rule.paths)), None)
        return first is not None and first.action == "mask" and first.kinds == EVERY_EVENT

    def _envelope_has_rules(self, masked: set[str]) -> bool:
        envelope = self.policy.envelope
        if not masked.issuperset(envelope.numbers):
            return True  # read as floats, 1 and 1.0 would be equal
        others = {*envelope.texts, *envelope.ints} - masked
        own = [
            path
            for rule in self.policy.rules
            for path in rule.paths
            if rule.compare is None and not all(kind.startswith("effect:") for kind in rule.kinds or ("",))
        ]
        return any(matches(path, (name,)) for path in own for name in (*others, envelope.body))


def _tuple_of(*names: str) -> Callable[[_Head], Content]:
    """Return a function that returns these attributes as a tuple, even if there is only one or none."""
    if len(names) > 1:
        return attrgetter(*names)
    only = [attrgetter(name) for name in names]
    return lambda head: tuple(get(head) for get in only)
