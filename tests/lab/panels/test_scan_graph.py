import re
from itertools import pairwise

import pytest

from lab.panels.scan import graph_drawing
from lab.panels.scan.graph_drawing import collect, draw, n_operations, steps_of
from lxmls_rnn import theano_env  # noqa: F401

import theano  # isort: skip
import theano.tensor as T  # isort: skip


@pytest.fixture(scope="module")
def chain():
    p_0, P = T.dvector("p_0"), T.dmatrix("P")
    p, _ = theano.scan(lambda p, P: T.dot(p, P), outputs_info=p_0, non_sequences=P, n_steps=3)
    return p, theano.function([p_0, P], p)


def test_a_formula_has_a_box_for_each_operation_input_constant_and_output():
    x, w = T.dvector("x"), theano.shared(1.0, name="w")
    drawing = collect([T.exp(x * w) + 2])
    assert {(node.label, node.kind) for node in drawing.nodes} >= {
        ("x", "input"), ("w", "shared"), ("2", "constant"), ("mul", "operation"), ("exp", "operation"),
        ("add", "operation"), ("output", "output"),
    }  # fmt: skip


def test_data_flow_downwards_and_boxes_do_not_overlap(chain):
    drawing = collect(graph_drawing.outputs_of(chain[0]))
    graph_drawing.lay_out(drawing)
    assert all(drawing.nodes[a].y < drawing.nodes[b].y for a, b in drawing.edges)
    layers = {}
    for node in drawing.nodes:
        layers.setdefault(node.y, []).append((node.x - node.w / 2, node.x + node.w / 2))
    for spans in layers.values():
        spans.sort()
        assert all(left[1] < right[0] for left, right in pairwise(spans))
    for begin in {begin for begin, _ in drawing.edges}:  # a box stands just above the first that uses it
        below = min(drawing.nodes[end].y for start, end in drawing.edges if start == begin)
        assert below - drawing.nodes[begin].y == graph_drawing.NODE_HEIGHT + graph_drawing.LAYER_GAP


def test_the_drawing_names_every_operation_in_full_and_the_step_as_written_and_optimised(chain):
    titles = re.findall("<title>(.*?)</title>", draw(chain[0]))
    assert any(title.startswith("for{cpu,scan_fn}") for title in titles)
    (written,), (optimised,) = (steps_of(graph) for graph in chain)
    assert ">dot<" in draw(written)
    assert ">Gemv<" in draw(optimised)


def test_operations_are_counted():
    x = T.dvector("x")
    assert n_operations(T.exp(x) + T.exp(x)) == 3
    assert 'aria-label="Graph of 3 operations"' in draw(T.exp(x) + T.exp(x))
    assert n_operations(theano.function([x], T.exp(x) + T.exp(x))) == 1


def test_a_graph_in_several_parts_and_a_variable_alone_can_be_drawn():
    x, y = T.dvector("x"), T.dvector("y")
    assert draw([T.exp(x), y]).count("<rect") == 5


def test_a_graph_that_is_too_large_to_read_is_refused(monkeypatch):
    monkeypatch.setattr(graph_drawing, "MAX_NODES", 2)
    with pytest.raises(ValueError, match="has 3 nodes, too many to draw: expected at most 2"):
        draw(T.exp(T.dvector("x")))


def test_the_legend_names_each_colour_of_a_drawing(chain):
    shown = graph_drawing.legend()
    named = dict(re.findall(r'background:(#\w+)">([^<]+)<', shown))
    drawn = set(re.findall(r"fill:(#\w+);stroke", draw(chain[0])))
    assert {named[colour] for colour in drawn} == {"input", "constant", "operation", "scan (a loop)", "output"}
    w = theano.shared(1.0)
    assert named[re.findall(r"fill:(#\w+);stroke", draw(w))[0]] == "shared variable"
