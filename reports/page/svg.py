"""matplotlib's figures as SVG inside a page: its colours become the page's variables, its texts the page's font."""

import io
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from xml.etree import ElementTree

import matplotlib
from cycler import cycler
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

HEX = {  # Okabe and Ito's palette, as the page names it
    "blue": "#0072b2",
    "vermilion": "#d55e00",
    "green": "#009e73",
    "pink": "#cc79a7",
    "sky": "#56b4e9",
    "orange": "#e69f00",
    "wine": "#882255",
    "yellow": "#f0e442",
    "ink": "#333333",
    "muted": "#666666",
    "line": "#cccccc",
    "soft": "#eeeeee",
    "paper": "#ffffff",
}
_VARIABLES = {code: f"var(--{name})" for name, code in HEX.items()} | {"#000000": "var(--ink)"}
_STYLE: dict[Any, Any] = {
    "axes.edgecolor": HEX["line"],
    "axes.facecolor": "none",
    "axes.formatter.useoffset": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.labelcolor": HEX["muted"],
    "axes.prop_cycle": cycler(color=[HEX[name] for name in ("blue", "vermilion", "green", "pink", "sky", "orange")]),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": "none",
    "font.size": 9.0,
    "grid.color": HEX["soft"],
    "lines.linewidth": 1.6,
    "svg.fonttype": "none",
    "text.parse_math": False,  # a `$` in a name is a `$`
    "xtick.color": HEX["line"],
    "xtick.labelcolor": HEX["muted"],
    "ytick.color": HEX["line"],
    "ytick.labelcolor": HEX["muted"],
}
_NAMESPACE = "http://www.w3.org/2000/svg"
_LINK = "{http://www.w3.org/1999/xlink}href"


def page_style() -> AbstractContextManager[None]:
    """Figures that are made inside look as the page's."""
    return matplotlib.rc_context(_STYLE)


def draw(name: str, title: str, plot: Callable[[Axes], Any], *, inches: tuple[float, float] = (4.4, 2.9)) -> Markup:
    """One panel in the page's style; `name` is unique on the page, `title` is what screen readers say."""
    with page_style():
        figure = Figure(figsize=inches, layout="constrained")
        FigureCanvasAgg(figure)
        plot(figure.subplots())
        return inline_svg(figure, name=name, title=title)


def plain_logarithm(axes: Axes) -> None:
    """Let a logarithmic horizontal axis say 0.01, which a page can show, instead of a formula."""
    if axes.get_xscale() != "linear":
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())


def inline_svg(figure: Figure, *, name: str, title: str) -> Markup:
    """The figure as an SVG element whose ids begin with `name`; the same figure gives the same text."""
    text = io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    root = ElementTree.fromstring(text.getvalue())
    for parent in list(root.iter()):
        for child in list(parent):
            # A style element inside the drawing would apply to the whole page.
            if child.tag.rpartition("}")[2] in ("metadata", "style"):
                parent.remove(child)
    used = set(re.findall(r'(?:url\(|href=")#([^")]+)', text.getvalue().decode()))
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        attributes = {key.replace(_LINK, "href"): _adapted(value, name) for key, value in element.attrib.items()}
        if element.get("id") in used:
            attributes["id"] = f"{name}-{element.get('id')}"
        else:
            attributes.pop("id", None)
        element.attrib.clear()
        element.attrib.update(attributes)
    for key in ("width", "height", "version"):
        root.attrib.pop(key, None)
    root.attrib |= {"xmlns": _NAMESPACE, "role": "img", "aria-label": title}
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _adapted(value: str, name: str) -> str:
    """An attribute with the page's colours and this drawing's ids; texts are elements, and are left alone."""
    value = re.sub(r"#[0-9a-f]{6}\b", lambda found: _VARIABLES.get(found[0], found[0]), value)
    value = re.sub(r"font: ([\d.]+px)[^;]*", r"font-size: \1", value)
    return re.sub(r"^#|(?<=url\()#", f"#{name}-", value)


__all__ = ["HEX", "draw", "inline_svg", "page_style", "plain_logarithm"]
