"""Effect keys: content, causal path and occurrence. Equal calls of parallel branches find their own replies."""

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Final

import msgspec

from migration.model import Effect, EffectKind

_DIGEST_BYTES: Final = 8
_decoder = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder(order="deterministic")


def canonical(document: bytes) -> bytes:
    """Return JSON with sorted keys and no whitespace, so that key order does not matter; bytes that are not JSON are returned unchanged."""
    try:
        return _encoder.encode(_decoder.decode(document))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return document


def effect_key(kind: EffectKind, name: str, lane: str, request: bytes | None, occurrence: int) -> str:
    """Return the key of an effect, e.g. `tool/price_lookup/data/3f0c9a1be2d47785#2`.

    Args:
        kind: what kind of effect.
        name: model, tool, "now", or what the id is for.
        lane: the lane that asks.
        request: JSON; None if the recording does not contain it.
        occurrence: 1 for the first of equal effects of a run, 2 for the second, and so on.
    """
    return f"{_stem(kind, name, lane, request)}#{occurrence}"


def _stem(kind: str, name: str, lane: str, request: bytes | None) -> str:
    if request is None:
        return f"{kind}/{name}/{lane}/-"
    # The path is part of the digest too: "/" inside a name must not make two different paths equal.
    whole = f"{kind}\0{name}\0{lane}\0".encode(errors="surrogatepass") + canonical(request)
    return f"{kind}/{name}/{lane}/{blake2b(whole, digest_size=_DIGEST_BYTES).hexdigest()}"


class Occurrences:
    """Numbers the equal effects of one run, in the order of their requests.

    Args:
        like: effects, each with its key; if a request equals one of these effects' requests, it is not parsed again.
    """

    __slots__ = ("_asked", "_known")

    def __init__(self, like: Iterable[tuple[Effect, str]] = ()) -> None:
        self._asked: dict[str, int] = {}
        self._known = {(one.kind, one.name, one.lane, one.request): key.rpartition("#")[0] for one, key in like}

    def key(self, kind: EffectKind, name: str, lane: str, request: bytes | None) -> str:
        """Return the key of the next effect with this content and path."""
        stem = self._known.get((kind, name, lane, request)) or _stem(kind, name, lane, request)
        number = self._asked[stem] = self._asked.get(stem, 0) + 1
        return f"{stem}#{number}"


def keys_of(effects: Iterable[Effect]) -> Iterator[str]:
    """Yield the key of each effect, in order; those that are empty are computed.

    A recording leaves keys empty: computing digests is work for the shadow, not for the run that serves a user.
    """
    occurrences = Occurrences()
    for effect in effects:
        yield effect.key or occurrences.key(effect.kind, effect.name, effect.lane, effect.request)


def with_keys(effects: Iterable[Effect]) -> tuple[Effect, ...]:
    """Return the effects, in order, with the empty keys filled in."""
    keyless = tuple(effects)
    return tuple(
        effect if effect.key else msgspec.structs.replace(effect, key=key) for effect, key in zip(keyless, keys_of(keyless), strict=True)
    )
