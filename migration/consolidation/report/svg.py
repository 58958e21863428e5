"""The graph as one SVG file without scripts, fonts or links. It follows the reader's light or dark theme."""

from collections.abc import Iterator
from math import log2
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from migration.consolidation.report.layout import Edge, Graph, Node

_BOX: Final = (300, 48)
_GAP: Final = (150, 18)
_WAY: Final = 6  #: height of a waypoint
_MARGIN: Final = 32
_HEAD: Final = 84  #: height of title and legend
_LONGEST: Final = 44  #: most characters of a line in a box

_ROLES: Final = {
    "consumer": "uses them",
    "re-export": "re-export",
    "deprecated": "deprecated",
    "duplicate": "duplicate",
    "factory": "factory",
    "target": "target",
}

_STYLE: Final = (
    """
svg{--ink:#1f2933;--soft:#616e7c;--paper:#fff;--line:#9aa5b1;--consumer:#e4e7eb;--target:#0b7a4b;--factory:#2186eb;--deprecated:#c52707;--duplicate:#b44d12;--re-export:#8719e0}
@media(prefers-color-scheme:dark){svg{--ink:#f5f7fa;--soft:#9aa5b1;--paper:#14181d;--line:#52606d;--consumer:#323f4b;--target:#3ebd93;--factory:#62b0e8;--deprecated:#ff9b8a;--duplicate:#f7b267;--re-export:#cf9ffa}}
text{font-family:ui-sans-serif,system-ui,sans-serif;fill:var(--ink)}
.paper{fill:var(--paper)}.head{font-size:18px;font-weight:600}.soft{font-size:11.5px;fill:var(--soft)}.name{font-size:13.5px;font-weight:600}
.box{fill:var(--paper);stroke:var(--line);stroke-width:1}.edge{fill:none;stroke:var(--line);stroke-opacity:.55}
.count{font-size:11px;fill:var(--soft);text-anchor:middle;paint-order:stroke;stroke:var(--paper);stroke-width:4px}
"""
    + "".join(f".bar-{role}{{fill:var(--{role})}}.edge-{role}{{stroke:var(--{role})}}" for role in _ROLES if role != "consumer")
    + ".bar-consumer{fill:var(--consumer)}"
)


def as_svg(graph: Graph, title: str) -> str:
    """Return the graph as SVG, with `title` above it."""
    columns = max((node.layer for node in graph.nodes), default=0) + 1
    tallest = max((_stacked(graph, layer) for layer in range(columns)), default=0)
    width = 2 * _MARGIN + columns * _BOX[0] + (columns - 1) * _GAP[0]
    height = _HEAD + _MARGIN + tallest
    corners = _corners(graph, columns, tallest)
    boxes = [node for node in graph.nodes if node.role != "way"]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"',
        f'role="img" aria-label={quoteattr(title)}>',
        f"<title>{escape(title)}</title><style>{_STYLE}</style>",
        f'<rect class="paper" width="{width}" height="{height}"/>',
        f'<text class="head" x="{_MARGIN}" y="34">{escape(title)}</text>',
        *_legend({node.role for node in boxes}),
        *(_edge(edge, corners) for edge in graph.edges),
        *(part for node in boxes for part in _box(node, corners[node.key])),
        *(_count(edge, corners) for edge in graph.edges if edge.count > 1),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _height(node: Node) -> int:
    return _WAY if node.role == "way" else _BOX[1]


def _stacked(graph: Graph, layer: int) -> int:
    return sum(_height(node) + _GAP[1] for node in graph.nodes if node.layer == layer)


def _corners(graph: Graph, columns: int, tallest: int) -> dict[str, tuple[float, float]]:
    """Return the top left corner of each box; shorter columns are centred. The nodes must be sorted by place."""
    below: list[float] = [_HEAD + (tallest - _stacked(graph, layer)) / 2 for layer in range(columns)]
    corners: dict[str, tuple[float, float]] = {}
    for node in graph.nodes:
        # A line crosses a waypoint at half the waypoint's height; at a box, lines also begin and end at half its height.
        offset = (_height(node) - _BOX[1]) / 2
        corners[node.key] = (_MARGIN + node.layer * (_BOX[0] + _GAP[0]), below[node.layer] + offset)
        below[node.layer] += _height(node) + _GAP[1]
    return corners


def _legend(roles: set[str]) -> Iterator[str]:
    x = _MARGIN
    for role, text in _ROLES.items():
        if role in roles:
            yield f'<rect class="bar-{role}" x="{x}" y="50" width="12" height="12" rx="2"/>'
            yield f'<text class="soft" x="{x + 18}" y="60">{escape(text)}</text>'
            x += 36 + 7 * len(text)


def _box(node: Node, corner: tuple[float, float]) -> Iterator[str]:
    x, y = corner
    yield f"<g><title>{escape(node.title)}\n{escape(node.detail)}</title>"
    yield f'<rect class="box" x="{x}" y="{y}" width="{_BOX[0]}" height="{_BOX[1]}" rx="6"/>'
    yield f'<rect class="bar-{node.role}" x="{x}" y="{y}" width="6" height="{_BOX[1]}" rx="3"/>'
    yield f'<text class="name" x="{x + 16}" y="{y + 20}">{escape(_shorten(node.title))}</text>'
    yield f'<text class="soft" x="{x + 16}" y="{y + 37}">{escape(_shorten(node.detail))}</text></g>'


def _edge(edge: Edge, corners: dict[str, tuple[float, float]]) -> str:
    (x1, y1), (x2, y2) = _ends(edge, corners)
    bend = (x2 - x1) / 2
    # Lines that meet at a waypoint continue through it as one straight line, as wide as a box.
    begin = f"M{x1 - _BOX[0]:g} {y1:g}H{x1:g}" if "@" in edge.start else f"M{x1:g} {y1:g}"
    width = 1.2 + log2(edge.count + 1) * 0.8
    path = f"{begin}C{x1 + bend:g} {y1:g} {x2 - bend:g} {y2:g} {x2:g} {y2:g}"
    return f'<path class="edge edge-{edge.role}" stroke-width="{width:.1f}" d="{path}"/>'


def _count(edge: Edge, corners: dict[str, tuple[float, float]]) -> str:
    (x1, y1), (x2, y2) = _ends(edge, corners)
    # The number is at a third of the line: near the end it would overlap with numbers of other lines to the same box, near the start with
    # numbers of other lines from the same box.
    share = 0.3
    bend = share * share * (3 - 2 * share)
    return f'<text class="count" x="{x1 + (x2 - x1) * share:g}" y="{y1 + (y2 - y1) * bend + 4:g}">{edge.count}</text>'


def _ends(edge: Edge, corners: dict[str, tuple[float, float]]) -> tuple[tuple[float, float], tuple[float, float]]:
    (x1, y1), (x2, y2) = corners[edge.start], corners[edge.end]
    middle = _BOX[1] / 2
    return (x1 + _BOX[0], y1 + middle), (x2, y2 + middle)


def _shorten(text: str) -> str:
    return text if len(text) <= _LONGEST else "…" + text[-_LONGEST + 1 :]
