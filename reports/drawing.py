"""Drawings of an architecture's cells: in text for the terminal, and as a picture file."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from reports.picture import save_picture
from spaces.space import CellEdge

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OPERATION_COLOURS = {  # Okabe and Ito's palette, told apart by everybody; operations of the same kind share a colour
    "skip_connect": "#D55E00",
    "nor_conv_1x1": "#56B4E9",
    "nor_conv_3x3": "#0072B2",
    "avg_pool_3x3": "#009E73",
    "max_pool_3x3": "#F0E442",
    "sep_conv_3x3": "#56B4E9",
    "sep_conv_5x5": "#0072B2",
    "dil_conv_3x3": "#CC79A7",
    "dil_conv_5x5": "#882255",
    "negative_identity": "#E69F00",
    "noise": "#999999",
}
_OTHER = "#333333"
_COLUMN = 1.2  # from one node to the next
_HEIGHTS = (0.8, -0.8, 0.4, -0.4, 0.0)  # of the nodes between inputs and output
_ROOM = 0.4  # between an edge and a node that it passes, between labels, for a label between nodes
_LABEL_POSITION = 0.4  # share of an edge from its tail: heads need room
_LABEL_SHAPE = 3  # a label's width over its height
_NODE_SIZE = 1400  # points squared


def draw_cells(cells: Mapping[str, Sequence[CellEdge]]) -> str:
    """The cells in text: a line an edge, with its operation; zero edges and concatenations are not drawn.

    input --conv 3x3--> 1
    input --skip------> 2
        1 --conv 1x1--> output
        2 --conv 3x3--> output
    """
    texts = []
    for name, edges in cells.items():
        lines = _lines([edge for edge in edges if edge.operation not in ("none", "")])
        texts.append("\n".join([f"{name}:", *lines] if len(cells) > 1 else lines) + "\n")
    return "\n".join(texts)


def save_cells(cells: Mapping[str, Sequence[CellEdge]], path: Path | str, *, title: str) -> None:
    """The cells as a picture, one above the other; the ending of `path`, .svg, .png or .pdf, chooses the format.

    Raises InputError for another ending, and where the file cannot be written.
    """
    path = Path(path)
    save_picture(cells_figure(cells, title=title, inches=(9.6, 3.6)), path, cropped=True)


def cells_figure(cells: Mapping[str, Sequence[CellEdge]], *, title: str, inches: tuple[float, float]) -> "Figure":
    """The cells one above the other, each `inches` wide and high."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width, height = inches
    figure = Figure(figsize=(width, height * len(cells)), layout="constrained")
    FigureCanvasAgg(figure)  # a canvas of its own: pyplot and its global state stay out of it
    figure.suptitle(title, fontsize=7, wrap=True)
    for axes, (name, edges) in zip(figure.subplots(len(cells), squeeze=False)[:, 0], cells.items(), strict=True):
        axes.set_axis_off()
        axes.set_title(name if len(cells) > 1 else "", fontsize=10, loc="left")
        _draw(axes, edges)
    return figure


def short_name(operation: str) -> str:
    """Such as `conv 3x3` for `nor_conv_3x3`."""
    return operation.removeprefix("nor_").replace("skip_connect", "skip").replace("_", " ")


def _lines(edges: Sequence[CellEdge]) -> list[str]:
    if not edges:
        return ["(no edge: all operations are zero)"]
    source_width = max(len(edge.source) for edge in edges)
    width = max(len(short_name(edge.operation)) for edge in edges)
    return [f"{e.source:>{source_width}} --{short_name(e.operation):-<{width}}--> {e.target}" for e in edges]


def _draw(axes: Any, edges: Sequence[CellEdge]) -> None:
    import networkx

    graph = networkx.MultiDiGraph()
    graph.add_nodes_from(dict.fromkeys(name for edge in edges for name in (edge.source, edge.target)))
    places = _places(edges)
    for edge in edges:
        if edge.operation != "none":
            graph.add_edge(edge.source, edge.target, label=short_name(edge.operation), operation=edge.operation)
    networkx.draw_networkx_nodes(
        graph, places, ax=axes, node_size=_NODE_SIZE, node_color="#EEEEEE", edgecolors="#333333"
    )
    networkx.draw_networkx_labels(graph, places, ax=axes, font_size=9)
    drawn = list(graph.edges(keys=True, data=True))
    if drawn:
        networkx.draw_networkx_edges(
            graph,
            places,
            ax=axes,
            node_size=_NODE_SIZE,
            edge_color=[OPERATION_COLOURS.get(data["operation"], _OTHER) for *_, data in drawn],
            width=[2.0 if data["label"] else 0.7 for *_, data in drawn],
            arrowsize=18,
        )
        networkx.draw_networkx_edge_labels(
            graph,
            places,
            edge_labels={(source, target, key): data["label"] for source, target, key, data in drawn if data["label"]},
            ax=axes,
            font_size=8,
            label_pos=_LABEL_POSITION,
        )
    axes.margins(0.08, 0.2)


def _places(edges: Sequence[CellEdge]) -> dict[str, tuple[float, float]]:
    """Inputs at the left, the output at the right, the others in between, each at the height that keeps edges clear.

    Every node has a column of its own, so an edge passes a node at one height. Of all choices from a few heights, the
    one is taken that keeps edges the farthest from the nodes that they pass, and labels from one another.
    """
    targets = list(dict.fromkeys(edge.target for edge in edges))
    inputs = list(dict.fromkeys(edge.source for edge in edges if edge.source not in targets))
    order = {name: index for index, name in enumerate([*inputs, *targets])}
    start = 0.6 * (len(inputs) > 1)  # the labels of several inputs' edges need room
    x = np.array([0.0] * len(inputs) + [start + _COLUMN * column for column in range(1, len(targets) + 1)])
    free = np.array(list(itertools.product(_HEIGHTS, repeat=max(0, len(targets) - 1))))
    fixed = np.tile([0.8 * (len(inputs) - 1) * (0.5 - row) for row in range(len(inputs))], (len(free), 1))
    y = np.hstack([fixed, free, np.zeros((len(free), 1))])  # (options, nodes)
    gaps, lengths, apart = [np.full(len(free), _ROOM)], [np.full(len(free), _ROOM)], [np.full(len(free), _ROOM)]
    labels: list[tuple[float, np.ndarray]] = []
    for tail, head in sorted({(order[e.source], order[e.target]) for e in edges if e.operation != "none"}):
        rise = y[:, head] - y[:, tail]
        for node in np.flatnonzero((x > x[tail]) & (x < x[head])):
            share = (x[node] - x[tail]) / (x[head] - x[tail])
            gaps.append(np.abs(y[:, node] - y[:, tail] - share * rise))
        if any((order[e.source], order[e.target]) == (tail, head) and e.operation for e in edges):
            lengths.append(np.hypot(x[head] - x[tail], rise) - _COLUMN)
            labels.append((x[tail] + _LABEL_POSITION * (x[head] - x[tail]), y[:, tail] + _LABEL_POSITION * rise))
    apart += [np.hypot((a - c) / _LABEL_SHAPE, b - d) for (a, b), (c, d) in itertools.combinations(labels, 2)]
    # Where there is room enough, what counts is the room of all.
    scores = [*(np.min(values, axis=0) for values in (gaps, lengths, apart)), 0.01 * np.mean(gaps, axis=0)]
    best = int(np.argmax(np.sum(scores, axis=0)))
    return {name: (float(x[index]), float(y[best, index])) for name, index in order.items()}
