"""Theano's graphs as pictures: `draw` a variable or a compiled function, in any notebook.

    from IPython.display import HTML
    from lab.panels.scan.graph_drawing import draw

    HTML(draw(function))

Layers are laid out after Sugiyama, Tagawa and Toda (1981), by grandalf. Data flow downwards.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from html import escape
from types import SimpleNamespace
from typing import Any

from lab.drawing.html import chip, shortened

FILLS = {
    "input": "#a1d99b",
    "shared": "#c7e9c0",
    "constant": "#e0e0e0",
    "operation": "#9ecae1",
    "scan": "#fdd0a2",
    "output": "#fcbba1",
}
HEIGHT, GAP, LAYER = 22, 14, 24  # of a node; between nodes; between layers, in pixels
CHARACTER = 6.4  # its width in pixels, about
LONGEST = 24  # characters of a label
MOST = 400  # nodes: what the layout does in seconds
_numbers = itertools.count()  # an arrow head of its own for each drawing: a hidden drawing's would not be shown


@dataclass
class Node:
    """A node of the drawing: an operation, a variable that comes from outside, or a mark for an output."""

    label: str
    title: str
    kind: str
    x: float = 0.0
    y: float = 0.0
    h: float = HEIGHT

    @property
    def w(self) -> float:
        """Width in pixels."""
        return 14 + CHARACTER * len(self.label)

    @property
    def xy(self) -> tuple[float, float]:
        """Centre, as grandalf wants it."""
        return self.x, self.y

    @xy.setter
    def xy(self, centre: tuple[float, float]) -> None:
        self.x, self.y = centre


@dataclass
class Drawing:
    """Nodes, edges between them (indices), and the points an edge goes through."""

    nodes: list[Node] = field(default_factory=list)
    edges: dict[tuple[int, int], list[tuple[float, float]]] = field(default_factory=dict)


def draw(graph: Any) -> str:
    """Draw a symbolic variable, several of them, or a compiled function, as it was optimised, as an ``<svg>`` element.

    Pointing at a node shows its whole name and type. TypeError if it is none of these; ValueError if it has more nodes
    than can be read, `MOST`.
    """
    drawing = collect(outputs_of(graph))
    if len(drawing.nodes) > MOST:
        raise ValueError(f"the graph has {len(drawing.nodes)} nodes; up to {MOST} can be drawn")
    lay_out(drawing)
    return svg(drawing)


def legend() -> str:
    """Return HTML that says which colour is what."""
    names = {"shared": "shared variable", "scan": "scan (a loop)"}
    return " ".join(chip(names.get(kind, kind), fill) for kind, fill in FILLS.items())


def n_operations(graph: Any) -> int:
    """Count the operations of a graph (Theano's Apply nodes); those inside a scan are not counted."""
    return len(apply_nodes(outputs_of(graph)))


def steps_of(graph: Any) -> list[list[Any]]:
    """Return what is inside each scan of a graph: the outputs of one step, optimised if the graph is compiled."""
    scans = [node.op for node in apply_nodes(outputs_of(graph)) if _is_scan(node)]
    return [outputs_of(op.fn) if getattr(op, "fn", None) is not None else list(op.outputs) for op in scans]


def outputs_of(graph: Any) -> list[Any]:
    """Return the output variables of a variable, of several, or of a compiled function; TypeError for others."""
    if hasattr(graph, "maker"):
        return list(graph.maker.fgraph.outputs)
    variables = list(graph) if isinstance(graph, Sequence) else [graph]
    wrong = [variable for variable in variables if not hasattr(variable, "owner")]
    if wrong or not variables:
        what = f"a {type(wrong[0]).__name__}" if wrong else "an empty list"
        raise TypeError(f"expected a Theano variable, a list of them or a compiled function, got {what}")
    return variables


def apply_nodes(outputs: Iterable[Any]) -> list[Any]:
    """Return the Apply nodes that outputs depend on, each after its inputs."""
    from theano.gof.graph import io_toposort  # only who draws a graph has loaded Theano

    return io_toposort([], outputs)


def collect(outputs: list[Any]) -> Drawing:
    """Return nodes and edges of the graph that ends in some variables, without places."""
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
    """Return the node of a variable that nothing computes."""
    title = f"{variable}: {variable.type}"
    if hasattr(variable, "data"):
        value = variable.data
        is_number = getattr(value, "size", 0) == 1  # others are slices, or None
        return Node(f"{value.item():.4g}" if is_number else variable.name or "constant", title, "constant")
    kind = "shared" if hasattr(variable, "get_value") else "input"
    name = variable.name or str(variable.type).rpartition(" ")[2].strip(")>")
    return Node(shortened(name, LONGEST), title, kind)


def operation_label(node: Any) -> str:
    """Return a short name of an operation: what it does, without how."""
    op = node.op
    if _is_scan(node):
        return "scan"
    kind = type(op).__name__.removeprefix("C")
    if hasattr(op, "scalar_op") and kind == "Elemwise":
        return shortened(str(op.scalar_op).partition("{")[0].lower(), LONGEST)
    if hasattr(op, "new_order"):
        return "DimShuffle " + ",".join(map(str, op.new_order))
    name, _, details = str(op).partition("{")
    name = name.replace("CGem", "Gem").replace("CGer", "Ger")  # BLAS calls, from C
    if kind.endswith("Subtensor"):
        span = details.rpartition("}")[0].removeprefix("Set;").removeprefix("InplaceSet;").replace("int64", "i")
        return shortened(f"{kind} [{span}]", LONGEST)
    return shortened(name or kind, LONGEST)


def lay_out(drawing: Drawing) -> None:
    """Give nodes their places and edges their points; parts that are not connected stand side by side."""
    from grandalf.graphs import Edge, Graph, Vertex
    from grandalf.layouts import SugiyamaLayout

    vertices = [Vertex(number) for number in range(len(drawing.nodes))]
    for vertex, node in zip(vertices, drawing.nodes, strict=True):
        vertex.view = node
    edges = [Edge(vertices[begin], vertices[end], data=(begin, end)) for begin, end in drawing.edges]
    for edge in edges:
        edge.view = SimpleNamespace(setpath=partial(drawing.edges.__setitem__, edge.data))
    right = 0.0
    for part in Graph(vertices, edges).C:
        members = [vertex.view for vertex in part.sV]
        if len(members) > 1:
            layout = SugiyamaLayout(part)
            layout.xspace, layout.yspace = GAP, LAYER
            layout.init_all(roots=[vertex for vertex in part.sV if not vertex.e_in()], inverted_edges=[], optimize=True)
            layout.draw()
        shift = right - min(node.x - node.w / 2 for node in members)
        for node in members:
            node.x += shift
        for edge in part.sE:
            drawing.edges[edge.data] = [(x + shift, y) for x, y in drawing.edges[edge.data]]
        right = max(node.x + node.w / 2 for node in members) + GAP


def svg(drawing: Drawing) -> str:
    """Write a drawing whose nodes have places."""
    bends = [x for points in drawing.edges.values() for x, _ in points]
    left = min([node.x - node.w / 2 for node in drawing.nodes] + bends) - 6
    right = max([node.x + node.w / 2 for node in drawing.nodes] + bends)
    top = min(node.y for node in drawing.nodes) - HEIGHT / 2 - 6
    width, height = right - left + 6, max(node.y for node in drawing.nodes) + HEIGHT / 2 - top + 6
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
    path = [(begin.x, begin.y + HEIGHT / 2), *points[1:-1], (end.x, end.y - HEIGHT / 2)]
    text = f"M{path[0][0]:.1f},{path[0][1]:.1f}"
    for (x, y), (to_x, to_y) in itertools.pairwise(path):
        middle = (y + to_y) / 2
        text += f" C{x:.1f},{middle:.1f} {to_x:.1f},{middle:.1f} {to_x:.1f},{to_y:.1f}"
    return (
        f'<path d="{text}" style="fill:none;stroke:var(--jp-ui-font-color2,#777);stroke-width:1.1" '
        f'marker-end="url(#{arrow})"/>'
    )


def _box(node: Node) -> str:
    radius = 4 if node.kind in ("operation", "scan") else HEIGHT / 2
    return (
        f"<g><title>{escape(node.title)}</title>"
        f'<rect x="{node.x - node.w / 2:.1f}" y="{node.y - HEIGHT / 2:.1f}" width="{node.w:.1f}" height="{HEIGHT}" '
        f'rx="{radius}" style="fill:{FILLS[node.kind]};stroke:#555;stroke-width:0.8"/>'
        f'<text x="{node.x:.1f}" y="{node.y + 4:.1f}" text-anchor="middle" '
        f'style="fill:#111;font:11px sans-serif">{escape(node.label)}</text></g>'
    )


def _is_scan(node: Any) -> bool:
    return type(node.op).__name__ == "Scan"
