"""A layered graph of uses: consumers are on the left, the implementations that they use are right of them (simplified Sugiyama method)."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from migration.consolidation.inventory import Inventory

_MOST_GROUPS: Final = 24  #: largest number of consumer folders with their own box; the smaller folders share one box
_SWEEPS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A box."""

    key: str
    title: str
    detail: str
    role: str  #: a role of an implementation, `consumer`, or `way` for a waypoint, where lines to one implementation cross a layer together
    layer: int  #: 0 is the leftmost
    place: int  #: position in its layer, from the top


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A line from one layer to the next. Lines to the same implementation are joined at the first waypoint that they share."""

    start: str
    end: str
    role: str  #: role of the implementation at which the line ends
    count: int  #: number of import statements and strings


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """The drawing."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def lay_out(inventory: Inventory) -> Graph:
    """Return the boxes of all implementations and of their consumers by folder, each with its place."""
    weights = _weights(inventory)
    kept = _largest_groups(weights, {item.module for item in inventory.implementations})
    edges = Counter({(kept.get(user, user), used): 0 for user, used in weights})
    for (user, used), count in weights.items():
        edges[kept.get(user, user), used] += count
    modules = [item.module for item in inventory.implementations]
    groups = sorted({user for user, _ in edges} - set(modules))
    layers = _layers(modules, groups, edges)
    roles = {item.module: str(item.role) for item in inventory.implementations}
    lines = _lines(layers, edges, roles)
    places = _places(layers, lines)
    texts = {item.module: (item.name, item.path) for item in inventory.implementations}
    texts |= {group: (group, _group_text(group, edges)) for group in groups}
    nodes = (
        Node(
            key=key,
            title=texts.get(key, ("", ""))[0],
            detail=texts.get(key, ("", ""))[1],
            role=roles.get(key, "consumer" if key in texts else "way"),
            layer=layer,
            place=places[key],
        )
        for layer, keys in enumerate(layers)
        for key in keys
    )
    return Graph(nodes=tuple(sorted(nodes, key=lambda node: (node.layer, node.place))), edges=lines)


def _group_text(group: str, edges: Mapping[tuple[str, str], int]) -> str:
    counts = [count for (user, _), count in edges.items() if user == group]
    return f"{_number(sum(counts), 'reference')} to {_number(len(counts), 'implementation')}"


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _weights(inventory: Inventory) -> Counter[tuple[str, str]]:
    """Count references from each implementation, or folder of consumers, to each implementation."""
    modules = {item.path: item.module for item in inventory.implementations}
    found: Counter[tuple[str, str]] = Counter()
    for statement in inventory.imports:
        for module in statement.reaches:
            found[modules.get(statement.path) or _folder(statement.path), module] += 1
    for string in inventory.strings:
        if modules.get(string.path) != string.module:
            found[modules.get(string.path) or _folder(string.path), string.module] += 1
    return found


def _folder(path: str) -> str:
    folders = path.split("/")[:-1]
    return "/".join(folders[:3]) + "/" if folders else "(top folder)"


def _largest_groups(weights: Mapping[tuple[str, str], int], modules: set[str]) -> dict[str, str]:
    sizes: Counter[str] = Counter()
    for (user, _), count in weights.items():
        if user not in modules:
            sizes[user] += count
    small = [group for group, _ in sizes.most_common()[_MOST_GROUPS:]]
    return dict.fromkeys(small, f"{len(small)} other folders")


def _layers(modules: Sequence[str], groups: Sequence[str], edges: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Return the layers from left to right: first the consumers, then each implementation left of those that it uses."""
    uses: dict[str, list[str]] = {module: [] for module in modules}
    for user, used in edges:
        if user in uses and used != user:
            uses[user].append(used)
    depth: dict[str, int] = {}

    def measure(module: str, above: tuple[str, ...]) -> int:
        if module not in depth:
            # A cycle of imports is cut where it closes.
            below = [measure(used, (*above, module)) for used in uses[module] if used not in above and used in uses]
            depth[module] = 1 + max(below, default=-1)
        return depth[module]

    for module in modules:
        measure(module, ())
    deepest = max(depth.values(), default=0)
    columns = [[module for module in modules if depth[module] == level] for level in range(deepest, -1, -1)]
    return [layer for layer in (list(groups), *columns) if layer]


def _lines(layers: list[list[str]], edges: Mapping[tuple[str, str], int], roles: Mapping[str, str]) -> tuple[Edge, ...]:
    """Cut references into lines from layer to layer, and add a waypoint to each layer that a reference crosses."""
    depth = {key: number for number, layer in enumerate(layers) for key in layer}
    counts: Counter[tuple[str, str, str]] = Counter()
    for (user, used), count in edges.items():
        if depth[user] >= depth[used]:
            continue  # a cycle of imports, or an implementation that names itself
        ways = [f"{used}@{layer}" for layer in range(depth[user] + 1, depth[used])]
        for way, layer in zip(ways, range(depth[user] + 1, depth[used]), strict=True):
            if way not in layers[layer]:
                layers[layer].append(way)
        for start, end in pairwise([user, *ways, used]):
            counts[start, end, roles[used]] += count
    return tuple(Edge(start=start, end=end, role=role, count=count) for (start, end, role), count in sorted(counts.items()))


def _places(layers: list[list[str]], lines: Sequence[Edge]) -> dict[str, int]:
    """Sort each layer by the weighted mean place of each box's neighbours, in sweeps to the left and right, and return each box's place."""
    neighbours: dict[str, list[tuple[str, int]]] = {key: [] for layer in layers for key in layer}
    for line in lines:
        neighbours[line.start].append((line.end, line.count))
        neighbours[line.end].append((line.start, line.count))
    places = {key: place for layer in layers for place, key in enumerate(layer)}
    heights = {key: len(layer) for layer in layers for key in layer}

    def wanted(key: str) -> float:
        weight = sum(count for _, count in neighbours[key])
        if not weight:
            return places[key] / heights[key]
        return sum(places[other] / heights[other] * count for other, count in neighbours[key]) / weight

    for sweep in range(_SWEEPS):
        for layer in layers if sweep % 2 else reversed(layers):
            layer.sort(key=lambda key: (wanted(key), key))
            places.update((key, place) for place, key in enumerate(layer))
    return places
