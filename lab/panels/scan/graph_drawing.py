"""Draw Theano's graphs: `draw` takes a variable or a compiled function, in any notebook.

    from IPython.display import HTML
    from lab.panels.scan.graph_drawing import draw

    HTML(draw(function))

Data flows downwards through layers, as in Sugiyama, Tagawa and Toda (1981).
"""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lab.drawing.html import chip, shortened

FILL_COLOURS = {
    "input": "#a1d99b",
    "shared": "#c7e9c0",
    "constant": "#e0e0e0",
    "operation": "#9ecae1",
    "scan": "#fdd0a2",
    "output": "#fcbba1",
}
NODE_HEIGHT, NODE_GAP, LAYER_GAP = 22, 14, 24  # pixels: height of a node, between nodes, between layers
CHARACTER_WIDTH = 6.4  # approximate width in pixels
MAX_LABEL = 24  # characters
MAX_NODES = 400  # the layout of larger graphs takes too long
LAYOUT_PASSES = 24  # passes of the layout over all layers
_numbers = itertools.count()  # each drawing needs its own arrow head: that of a hidden drawing would not be shown


@dataclass
class Node:
    """A node of the drawing: an operation, an input variable, or an output."""

    label: str
    title: str
    kind: str
    x: float = 0.0
    y: float = 0.0

    @property
    def w(self) -> float:
        """Width in pixels."""
        return 14 + CHARACTER_WIDTH * len(self.label)


@dataclass
class Drawing:
    """Nodes, edges (pairs of indices) and the points of each edge."""

    nodes: list[Node] = field(default_factory=list)
    edges: dict[tuple[int, int], list[tuple[float, float]]] = field(default_factory=dict)


def draw(graph: Any) -> str:
    """Return an ``<svg>`` element of a symbolic variable, several variables, or a compiled (optimised) function.

    The full name and type of a node are its tooltip. ValueError if there are more than `MAX_NODES` nodes.
    """
    drawing = collect(outputs_of(graph))
    if len(drawing.nodes) > MAX_NODES:
        raise ValueError(f"the graph has {len(drawing.nodes)} nodes, too many to draw: expected at most {MAX_NODES}")
    lay_out(drawing)
    return svg(drawing)


def legend() -> str:
    """Return the legend of the colours as HTML."""
    names = {"shared": "shared variable", "scan": "scan (a loop)"}
    return " ".join(chip(names.get(kind, kind), fill) for kind, fill in FILL_COLOURS.items())


def n_operations(graph: Any) -> int:
    """Return the number of operations of a graph (Theano's Apply nodes), without those inside a scan."""
    return len(apply_nodes(outputs_of(graph)))


def steps_of(graph: Any) -> list[list[Any]]:
    """Return the outputs of one step of each scan in a graph; the steps of a compiled graph are optimised."""
    scans = [node.op for node in apply_nodes(outputs_of(graph)) if _is_scan(node)]
    return [outputs_of(op.fn) if getattr(op, "fn", None) is not None else list(op.outputs) for op in scans]


def outputs_of(graph: Any) -> list[Any]:
    """Return the variables to draw: a variable itself, those of a list, or the outputs of a compiled function."""
    if hasattr(graph, "maker"):
        return list(graph.maker.fgraph.outputs)
    return list(graph) if isinstance(graph, Sequence) else [graph]


def apply_nodes(outputs: Iterable[Any]) -> list[Any]:
    """Return the Apply nodes that the outputs depend on, each after its inputs."""
    from theano.gof.graph import io_toposort  # Theano is slow to import; whoever has a graph has loaded it

    return io_toposort([], outputs)


def collect(outputs: list[Any]) -> Drawing:
    """Return the nodes and edges of the graph of some outputs, without positions."""
    drawing = Drawing()
    index: dict[Any, int] = {}

    def add(key: Any, node: Node) -> int:
        drawing.nodes.append(node)
        return index.setdefault(key, len(index))

    def source(variable: Any) -> int:
        key = variable if variable.owner is None else variable.owner
        return index[key] if key in index else add(key, leaf(variable))

    for node in apply_nodes(outputs):
        inputs = [source(variable) for variable in node.inputs]
        types = ", ".join(str(output.type) for output in node.outputs)
        kind = "scan" if _is_scan(node) else "operation"
        number = add(node, Node(operation_label(node), f"{node.op}: {types}", kind))
        drawing.edges.update({(other, number): [] for other in inputs})
    for place, variable in enumerate(outputs):
        begin = source(variable)
        number = add(("output", place), Node(variable.name or "output", f"output: {variable.type}", "output"))
        drawing.edges[begin, number] = []
    return drawing


def leaf(variable: Any) -> Node:
    """Return the node of a variable that no operation computes."""
    title = f"{variable}: {variable.type}"
    if hasattr(variable, "data"):
        value = variable.data
        is_number = getattr(value, "size", 0) == 1  # others are slices, or None
        return Node(f"{value.item():.4g}" if is_number else variable.name or "constant", title, "constant")
    kind = "shared" if hasattr(variable, "get_value") else "input"
    name = variable.name or str(variable.type).rpartition(" ")[2].strip(")>")
    return Node(shortened(name, MAX_LABEL), title, kind)


def operation_label(node: Any) -> str:
    """Return a short name of an operation."""
    op = node.op
    if _is_scan(node):
        return "scan"
    kind = type(op).__name__.removeprefix("C")
    if hasattr(op, "scalar_op") and kind == "Elemwise":
        return shortened(str(op.scalar_op).partition("{")[0].lower(), MAX_LABEL)
    if hasattr(op, "new_order"):
        return "DimShuffle " + ",".join(map(str, op.new_order))
    name, _, details = str(op).partition("{")
    name = name.replace("CGem", "Gem").replace("CGer", "Ger")  # BLAS calls, from C
    if kind.endswith("Subtensor"):
        span = details.rpartition("}")[0].removeprefix("Set;").removeprefix("InplaceSet;").replace("int64", "i")
        return shortened(f"{kind} [{span}]", MAX_LABEL)
    return shortened(name or kind, MAX_LABEL)


def lay_out(drawing: Drawing) -> None:
    """Set the positions of nodes and the points of edges."""
    heights = [0] * len(drawing.nodes)  # layers below a node: it is as low as the nodes that use it allow
    for begin, end in reversed(drawing.edges):
        heights[begin] = max(heights[begin], heights[end] + 1)
    level = [max(heights) - height for height in heights]
    layers: list[list[int]] = [[] for _ in range(max(heights) + 1)]
    for number, layer in enumerate(level):
        layers[layer].append(number)
    widths = [node.w for node in drawing.nodes]
    neighbours = defaultdict[int, list[int]](list)  # of a point, in the layers above and below
    chains = {}  # edge: its nodes, and a bend in each layer between them
    for begin, end in drawing.edges:
        bends = range(len(widths), len(widths) + level[end] - level[begin] - 1)
        widths += [0.0] * len(bends)
        for layer, bend in enumerate(bends, level[begin] + 1):
            layers[layer].append(bend)
        chains[begin, end] = [begin, *bends, end]
        for upper, lower in itertools.pairwise(chains[begin, end]):
            neighbours[upper].append(lower)
            neighbours[lower].append(upper)
    x = _places(layers, np.array(widths), neighbours)
    for number, node in enumerate(drawing.nodes):
        node.x, node.y = x[number], level[number] * (NODE_HEIGHT + LAYER_GAP)
    for (begin, end), chain in chains.items():
        drawing.edges[begin, end] = [
            (x[point], (level[begin] + n) * (NODE_HEIGHT + LAYER_GAP)) for n, point in enumerate(chain)
        ]


def _places(
    layers: list[list[int]], widths: NDArray[np.float64], neighbours: dict[int, list[int]]
) -> NDArray[np.float64]:
    """Return the x of each point, near those of its neighbours, so that points of a layer do not overlap.

    The layers are visited downwards and upwards. In each, points are sorted by the mean x of their neighbours and
    placed as near to it as possible.
    """
    from scipy.optimize import isotonic_regression

    x = np.zeros(len(widths))
    for sweep in range(LAYOUT_PASSES):
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            wanted = np.array([np.mean(x[neighbours[point]]) for point in layer])
            order = np.argsort(wanted, kind="stable")
            layer[:], wanted = np.array(layer)[order].tolist(), wanted[order]
            apart = (widths[layer][1:] + widths[layer][:-1]) / 2 + NODE_GAP
            offsets = np.concatenate(([0.0], np.cumsum(apart)))
            x[layer] = isotonic_regression(wanted - offsets).x + offsets
    return x


def svg(drawing: Drawing) -> str:
    """Return a drawing as SVG; `lay_out` has set its positions."""
    bends = [x for points in drawing.edges.values() for x, _ in points]
    left = min([node.x - node.w / 2 for node in drawing.nodes] + bends) - 6
    right = max([node.x + node.w / 2 for node in drawing.nodes] + bends)
    top = min(node.y for node in drawing.nodes) - NODE_HEIGHT / 2 - 6
    width, height = right - left + 6, max(node.y for node in drawing.nodes) + NODE_HEIGHT / 2 - top + 6
    arrow = f"lab-arrow-{next(_numbers)}"
    parts = [_line(drawing.nodes[a], points, drawing.nodes[b], arrow) for (a, b), points in drawing.edges.items()]
    parts += [_box(node) for node in drawing.nodes]
    operations = sum(node.kind in ("operation", "scan") for node in drawing.nodes)
    return (
        f'<svg role="img" aria-label="Graph of {operations} operations" xmlns="http://www.w3.org/2000/svg" '
        f'width="{width:.0f}" height="{height:.0f}" viewBox="{left:.1f} {top:.1f} {width:.1f} {height:.1f}">'
        f'<defs><marker id="{arrow}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0,0 L8,4 L0,8 z" style="fill:var(--jp-ui-font-color2,#777)"/></marker></defs>'
        f"{''.join(parts)}</svg>"
    )


def _line(begin: Node, points: list[tuple[float, float]], end: Node, arrow: str) -> str:
    half = NODE_HEIGHT / 2
    # an edge passes the nodes of a layer vertically
    bends = [(x, y + side) for x, y in points[1:-1] for side in (-half, half)]
    path = [(begin.x, begin.y + half), *bends, (end.x, end.y - half)]
    text = f"M{path[0][0]:.1f},{path[0][1]:.1f}"
    for (x, y), (to_x, to_y) in itertools.pairwise(path):
        middle = (y + to_y) / 2
        text += f" C{x:.1f},{middle:.1f} {to_x:.1f},{middle:.1f} {to_x:.1f},{to_y:.1f}"
    return (
        f'<path d="{text}" style="fill:none;stroke:var(--jp-ui-font-color2,#777);stroke-width:1.1" '
        f'marker-end="url(#{arrow})"/>'
    )


def _box(node: Node) -> str:
    radius = 4 if node.kind in ("operation", "scan") else NODE_HEIGHT / 2
    return (
        f"<g><title>{escape(node.title)}</title>"
        f'<rect x="{node.x - node.w / 2:.1f}" y="{node.y - NODE_HEIGHT / 2:.1f}" width="{node.w:.1f}" '
        f'height="{NODE_HEIGHT}" rx="{radius}" style="fill:{FILL_COLOURS[node.kind]};stroke:#555;stroke-width:0.8"/>'
        f'<text x="{node.x:.1f}" y="{node.y + 4:.1f}" text-anchor="middle" '
        f'style="fill:#111;font:11px sans-serif">{escape(node.label)}</text></g>'
    )


def _is_scan(node: Any) -> bool:
    return type(node.op).__name__ == "Scan"
