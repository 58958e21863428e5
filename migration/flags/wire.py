"""LaunchDarkly's flag JSON, as far as this tool reads it. What it does not know is kept when a flag is edited."""

from typing import Annotated, Any, Literal

import msgspec

from migration.errors import FlagSourceError

_Index = Annotated[int, msgspec.Meta(ge=0)]


class ShareWire(msgspec.Struct, frozen=True):
    """One listed variation of a rollout."""

    variation: _Index
    weight: Annotated[int, msgspec.Meta(ge=0)]


class RolloutWire(msgspec.Struct, frozen=True, rename="camel"):
    """A percentage rollout."""

    variations: list[ShareWire]
    context_kind: str = "user"
    bucket_by: str = "key"
    kind: Literal["rollout", "experiment"] = "rollout"
    seed: int | None = None


class FallthroughWire(msgspec.Struct, frozen=True):
    """What everybody gets who is not targeted."""

    variation: _Index | None = None
    rollout: RolloutWire | None = None


class TargetWire(msgspec.Struct, frozen=True, rename="camel"):
    """Contexts that get a variation by name."""

    variation: _Index
    values: list[str]
    context_kind: str = "user"


class FlagWire(msgspec.Struct, frozen=True, rename="camel"):
    """One flag. Rules, prerequisites and user targets must be empty: nothing could be proven about a ramp with them."""

    key: str
    version: Annotated[int, msgspec.Meta(ge=1)]
    on: bool
    variations: list[Any]
    fallthrough: FallthroughWire
    off_variation: _Index | None = None
    salt: str = ""
    context_targets: list[TargetWire] = []
    targets: Annotated[list[Any], msgspec.Meta(max_length=0)] = []
    rules: Annotated[list[Any], msgspec.Meta(max_length=0)] = []
    prerequisites: Annotated[list[Any], msgspec.Meta(max_length=0)] = []


def read_wire(key: str, raw: object) -> FlagWire:
    """Return the flag of that key.

    Raises:
        FlagSourceError: a field is missing or of another type, or the key inside is another one; says which.
    """
    try:
        wire = msgspec.convert(raw, FlagWire)
    except msgspec.ValidationError as error:
        raise FlagSourceError(f"{key}: {error}") from None
    if wire.key != key:
        raise FlagSourceError(f"{key}: its `key` is another one")
    return wire
