"""Drawings of a topology cell: in text for the terminal, and as a picture file."""

from pathlib import Path
from typing import Any

from spaces.errors import InputError
from spaces.topology.architecture import EDGES, TopologyArchitecture

PICTURE_FORMATS = (".svg", ".png", ".pdf")
_SHORT = {
    "none": "",
    "skip_connect": "skip",
    "nor_conv_1x1": "conv 1x1",
    "nor_conv_3x3": "conv 3x3",
    "avg_pool_3x3": "avg pool 3x3",
}
_COLOURS = {  # Okabe and Ito's palette, told apart by everybody
    "skip_connect": "#D55E00",
    "nor_conv_1x1": "#56B4E9",
    "nor_conv_3x3": "#0072B2",
    "avg_pool_3x3": "#009E73",
}
_PLACES = {0: (0.0, 0.0), 1: (1.2, 0.6), 2: (2.4, -0.6), 3: (3.6, 0.0)}
_NAMES = {0: "input", 1: "1", 2: "2", 3: "output"}


def draw_cell(architecture: TopologyArchitecture | str) -> str:
    """The cell in text: a line a node, with the operation of every edge that enters it; zero edges are not drawn.

        input --conv 3x3--> 1
        input --skip------> 2
            1 --conv 1x1--> output
            2 --conv 3x3--> output

    Raises InputError for a text that is no topology cell.
    """
    edges = _edges(architecture)
    if not edges:
        return "(no edge: all operations are zero)\n"
    width = max(len(_SHORT[operation]) for _, _, operation in edges)
    lines = [
        f"{_NAMES[source]:>5} --{_SHORT[operation]:-<{width}}--> {_NAMES[target]}"
        for source, target, operation in edges
    ]
    return "\n".join(lines) + "\n"


def save_cell(architecture: TopologyArchitecture | str, path: Path | str) -> None:
    """The cell as a picture; the ending of `path`, .svg, .png or .pdf, chooses the format.

    Raises InputError for a text that is no topology cell and for another ending.
    """
    path = Path(path)
    if path.suffix.lower() not in PICTURE_FORMATS:
        raise InputError(f"'{path}' is no picture file: let it end with {', '.join(PICTURE_FORMATS)}")
    edges = _edges(architecture)
    figure = _figure(edges, title=str(architecture))
    try:
        figure.savefig(path, bbox_inches="tight", dpi=150)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}): name another file") from error


def _edges(architecture: TopologyArchitecture | str) -> list[tuple[int, int, str]]:
    """(source, target, operation) of every edge that carries something."""
    cell = TopologyArchitecture.parse(architecture) if isinstance(architecture, str) else architecture
    chosen = zip(EDGES, cell.operations, strict=True)
    return [(source, target, operation) for (target, source), operation in chosen if operation != "none"]


def _figure(edges: list[tuple[int, int, str]], *, title: str) -> Any:
    import networkx
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    graph = networkx.DiGraph()
    graph.add_nodes_from(_PLACES)
    for source, target, operation in edges:
        graph.add_edge(source, target, label=_SHORT[operation], colour=_COLOURS[operation])
    figure = Figure(figsize=(9.6, 3.6))
    FigureCanvasAgg(figure)  # a canvas of its own: pyplot and its global state stay out of it
    axes = figure.add_subplot()
    axes.set_axis_off()
    axes.set_title(title, fontsize=7)
    networkx.draw_networkx_nodes(graph, _PLACES, ax=axes, node_size=1500, node_color="#EEEEEE", edgecolors="#333333")
    networkx.draw_networkx_labels(graph, _PLACES, labels=_NAMES, ax=axes, font_size=10)
    if edges:
        colours = [colour for _, _, colour in graph.edges(data="colour")]
        networkx.draw_networkx_edges(
            graph, _PLACES, ax=axes, node_size=1500, edge_color=colours, width=2.0, arrowsize=18
        )
        labels = {(source, target): label for source, target, label in graph.edges(data="label")}
        # The edges 0 -> 3 and 1 -> 2 cross in the middle and heads need room, so labels sit nearer to the source.
        networkx.draw_networkx_edge_labels(graph, _PLACES, edge_labels=labels, ax=axes, font_size=8, label_pos=0.4)
    axes.margins(0.08, 0.2)
    return figure
