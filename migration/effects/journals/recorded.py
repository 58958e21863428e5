"""Finds recorded effects: each answers one effect in another run of the same user request."""

from collections import deque
from collections.abc import Callable, Sequence

from migration.effects.journals.keys import Occurrences, keys_of
from migration.model import Effect, EffectKind


class RecordedEffects:
    """The effects of a journal; each is returned at most once. It has no lock: callers from several threads must take turns.

    An effect is found by its key. If the recording does not contain requests, effects of the same kind and lane are found in their recorded
    order.

    Args:
        effects: what was recorded, in order; missing keys are computed.
        usable: returns whether an effect can be an answer; other effects are never found, but count in the numbering of equal effects.
            None: all can.
    """

    def __init__(self, effects: Sequence[Effect], usable: Callable[[Effect], bool] | None = None) -> None:
        self._by_key: dict[str, Effect] = {}
        self._in_sequence: dict[tuple[EffectKind, str], deque[Effect]] = {}
        keys = tuple(keys_of(effects))
        for effect, key in zip(effects, keys, strict=True):
            if usable is not None and not usable(effect):
                continue
            if effect.request is None:
                self._in_sequence.setdefault((effect.kind, effect.lane), deque()).append(effect)
            else:
                self._by_key[key] = effect
        self._occurrences = Occurrences(zip(effects, keys, strict=True))

    def key(self, kind: EffectKind, name: str, lane: str, request: bytes) -> str:
        """Return the key of the next request with this content and path."""
        return self._occurrences.key(kind, name, lane, bytes(request))

    def take(self, key: str, kind: EffectKind, lane: str) -> Effect | None:
        """Return the effect that answers a request, and never return it again; None: there is none."""
        effect = self._by_key.pop(key, None)
        if effect is None and (waiting := self._in_sequence.get((kind, lane))):
            effect = waiting.popleft()
        return effect
