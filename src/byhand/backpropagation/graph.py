"""The computational graph of a scalar function: its operations, values and adjoints.

Chapter 5, sections D4.2 and D4.3. :func:`layout` places the graph with Sugiyama's method, by the
library grandalf; :mod:`byhand.backpropagation.figures` draws it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from grandalf.graphs import Edge as LayoutEdge
from grandalf.graphs import Graph as LayoutGraph
from grandalf.graphs import Vertex
from grandalf.layouts import SugiyamaLayout, VertexViewer
from grandalf.routing import EdgeViewer

from byhand.backpropagation.rules import relu, sigmoid
from byhand.backpropagation.sweeps import adjoints, record
from byhand.backpropagation.tracing import Variable


class Edge(NamedTuple):
    """A use of one value in computing another, and the derivative of the other by the one."""

    source: int
    target: int
    partial: float


class Graph(NamedTuple):
    """A scalar function's operations in the order of computing them, the inputs first.

    ``formulas[k]`` says how value k is computed, ``adjoints[k]`` is the derivative of the last
    value with respect to it.
    """

    names: tuple[str, ...]
    formulas: tuple[str, ...]
    values: tuple[Any, ...]
    adjoints: tuple[Any, ...]
    edges: tuple[Edge, ...]


_SYMBOLS = {
    operator.add: "{} + {}",
    operator.sub: "{} − {}",
    operator.mul: "{} · {}",
    operator.truediv: "{} / {}",
    operator.pow: "{}^{}",
    operator.neg: "−{}",
    relu: "ReLU({})",
    sigmoid: "σ({})",
}


def trace_graph(f: Callable, x: Any, names: Sequence[str]) -> Graph:
    """Run a function on scalars and return its graph, with the adjoints of one reverse sweep.

    Parameters
    ----------
    f
        A scalar function of one argument.
    x
        The argument: a number, or a tuple, list or dictionary of numbers.
    names
        What to call the values, in the order of computing them: the inputs, then one for
        each operation.

    Raises
    ------
    ValueError
        If f computes another number of values than there are names, or arrays, or its value
        is not the last that it computes.

    Examples
    --------
    >>> graph = trace_graph(lambda x: x * np.exp(x), 1.0, ["x", "a", "f"])
    >>> graph.formulas
    ('x', 'exp(x)', 'x · a')
    >>> [round(float(bar), 4) for bar in graph.adjoints]
    [5.4366, 1.0, 1.0]
    """
    tape, _, y = record(f, x)
    if len(names) != len(tape):
        raise ValueError(f"f computes {len(tape)} values, inputs included, got {len(names)} names")
    if not isinstance(y, Variable) or y.index != len(tape) - 1:
        raise ValueError("the value of f must be the last that it computes")
    if wrong := [np.shape(value) for _, value, *_ in tape if np.shape(value) != ()]:
        raise ValueError(f"only graphs of scalars can be drawn, got shape {wrong[0]}")
    edges = [
        Edge(parent, k, rule.pulls[i](1, value, *args, **kwargs))
        for k, (rule, value, args, kwargs, parents) in enumerate(tape)
        for i, parent in parents
    ]
    return Graph(
        tuple(names),
        tuple(_formula(k, tape, names) for k in range(len(tape))),
        tuple(value for _, value, *_ in tape),
        tuple(adjoints(tape, y.index, y.value**0, keep=True)),
        tuple(edges),
    )


def _formula(k: int, tape: list, names: Sequence[str]) -> str:
    rule, _, args, _, parents = tape[k]
    if rule is None:
        return names[k]
    words = [str(a) for a in args]
    for i, parent in parents:
        words[i] = names[parent]
    if rule.compute is operator.pow and words[1] == "2":
        return f"{words[0]}²"
    name = rule.compute.__name__.lstrip("_")
    pattern = _SYMBOLS.get(rule.compute, f"{name}({', '.join(['{}'] * len(words))})")
    return pattern.format(*words)


class Layout(NamedTuple):
    """Centers of the boxes, and the points through which each edge runs; y grows downwards."""

    centers: list[tuple[float, float]]
    routes: list[list[tuple[float, float]]]


_ROUNDS = 10
"""So often are the layers put in order, one after the other, so that few edges cross."""


def layout(graph: Graph, width: float, height: float, gap: tuple[float, float]) -> Layout:
    """Place a graph in layers, from its inputs down, with few crossings.

    Parameters
    ----------
    graph
        A connected graph.
    width, height
        The size of every box.
    gap
        The free space between neighbors, sideways and downwards.

    Raises
    ------
    ValueError
        If the graph is not connected.

    References
    ----------
    K. Sugiyama, S. Tagawa and M. Toda, Methods for visual understanding of hierarchical system
    structures, IEEE Transactions on Systems, Man, and Cybernetics, 1981.

    Examples
    --------
    >>> graph = trace_graph(lambda x: x * np.exp(x), 1.0, ["x", "a", "f"])
    >>> [y for _, y in layout(graph, width=2, height=1, gap=(1, 1)).centers]
    [0.5, 2.5, 4.5]
    """
    vertices = [Vertex() for _ in graph.names]
    for vertex in vertices:
        vertex.view = VertexViewer(width, height)
    pairs = dict.fromkeys((edge.source, edge.target) for edge in graph.edges)
    edges = {pair: LayoutEdge(*(vertices[k] for k in pair)) for pair in pairs}
    for edge in edges.values():
        edge.view = EdgeViewer()
    components = LayoutGraph(vertices, list(edges.values())).C
    if len(components) != 1:
        raise ValueError(f"the graph must be connected, got {len(components)} parts")
    sugiyama = SugiyamaLayout(components[0])
    sugiyama.xspace, sugiyama.yspace = gap
    inputs = set(range(len(vertices))) - {edge.target for edge in graph.edges}
    sugiyama.init_all(roots=[vertices[k] for k in sorted(inputs)])
    sugiyama.draw(_ROUNDS)
    centers = [tuple(map(float, vertex.view.xy)) for vertex in vertices]
    routes = [edges[edge.source, edge.target].view._pts for edge in graph.edges]
    return Layout(centers, routes)
