"""HTML snippets for both themes: tables, heat maps, coloured words, matrices."""

import re
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Any

import numpy as np
from rich.cells import cell_len, chop_cells

from lxmls_rnn.plotting.palette import ink, shade

EMPTY_HEADER = '<td class="lab-corner"></td>'  # not a <th>: an empty header confuses screen readers
MAX_WITH_NUMBERS = 12  # rows or columns of a matrix that shows its numbers


def table(header: Sequence[object], rows: Iterable[Sequence[object]], caption: str = "") -> str:
    """Return a table; HTML cells must be `Raw`; an empty string in the header is a column without a heading."""
    head = "".join(f'<th scope="col">{_cell(cell)}</th>' if cell != "" else EMPTY_HEADER for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{_cell(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return scrolled(f"<table>{_caption(caption)}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")


def _caption(text: str) -> str:
    return f"<caption>{_cell(text)}</caption>" if text else ""


def scrolled(part: str, kind: str = "", label: str = "") -> str:
    """Wrap HTML in a box of class `kind` that scrolls, also with the keyboard, if its content is too large."""
    named = f' role="region" aria-label="{escape(label)}"' if label else ""
    return f'<div class="{f"lab-scroll {kind}".strip()}" tabindex="0"{named}>{part}</div>'


class Raw(str):
    """Text that is HTML and needs no escaping."""


def _cell(value: object) -> str:
    return value if isinstance(value, Raw) else escape(str(value))


def isolated(text: str) -> str:
    """Isolate a word in plain text: beside a word that is written from right to left, numbers keep their places."""
    return text if text.isascii() else f"\u2068{text}\u2069"


def linked(text: str) -> Raw:
    """Return a text in which each page of the documentation, such as docs/gpu.md#pygpu, is a link that opens it."""
    link = r'<a href="../../\g<0>" target="_blank">\g<0></a>'
    return Raw(re.sub(r"(?<![\w./-])docs/[\w-]+\.md(#[\w-]+)?", link, escape(text)))


def word(text: str, tag: str, colour: str, unknown: bool, detail: str = "") -> Raw:
    """Return a word above its tag, on the tag's colour, with a dashed border if `unknown`; `detail` is the tooltip."""
    kind, missing = ("lab-word lab-faint", ", not in the vocabulary") if unknown else ("lab-word", "")
    title = escape(f"{text}: {detail or tag}{missing}")
    return Raw(
        f'<span class="{kind}" title="{title}" style="background:{colour}">{escape(text)}<br>'
        f"<small>{escape(tag)}</small></span>"
    )


def chip(text: str, colour: str) -> Raw:
    """Return a text on a coloured background, inline."""
    return Raw(f'<span class="lab-chip" style="background:{colour}">{escape(text)}</span>')


def _number_cell(value: float, largest: float, text: str, title: str, marked: bool) -> str:
    frame = ' class="lab-marked"' if marked else ""
    style = f"background:{shade(value, largest)};color:{ink(value, largest)}"
    return f'<td{frame} style="{style}" title="{escape(title)}">{text}</td>'


def _largest(values: np.ndarray) -> float:
    return float(np.abs(values[np.isfinite(values)]).max(initial=0))


def heat_map(
    values: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    largest: float | None = None,
    marked_column: int | None = None,
    write: Callable[[Any], str] = lambda value: "",
    caption: str = "",
    upright: bool = False,
    coloured_by: Callable[[Any], float] = float,
) -> str:
    """Return a matrix as a table of coloured cells; a cell shows `write(value)`, and the value as a tooltip.

    `values` are (len(rows), len(columns)). The strongest colour stands for `largest`, by default the largest value;
    `coloured_by` maps a value to the number that its colour shows. The `marked_column` has a frame. If `upright`, the
    column names are vertical, so that long ones leave the cells narrow.
    """
    shown = np.array([[coloured_by(value) for value in line] for line in values])
    largest = _largest(shown) if largest is None else largest
    head = "".join(f'<th scope="col"><span dir="auto">{escape(str(name))}</span></th>' for name in columns)
    body = []
    for name, line, strengths in zip(rows, values, shown, strict=True):
        cells = []
        for t, (value, strength) in enumerate(zip(line, strengths, strict=True)):
            exact = str(value) if isinstance(value, np.integer) else f"{value:.4g}"
            title = f"{name}, {isolated(str(columns[t]))}: {exact}"
            cells.append(_number_cell(float(strength), largest, write(value), title, t == marked_column))
        body.append(f'<tr><th scope="row">{escape(name)}</th>{"".join(cells)}</tr>')
    kind, head = "lab-heat lab-upright" if upright else "lab-heat", f"<thead><tr><td></td>{head}</tr></thead>"
    return scrolled(f'<table class="{kind}">{_caption(caption)}{head}<tbody>{"".join(body)}</tbody></table>')


def bars(rows: Iterable[tuple[str, float, str]], largest: float) -> str:
    """Return a table of horizontal bars; a row is (name, value, colour); negative values have no bar."""
    body = []
    for name, value, colour in rows:
        width = round(160 * max(0.0, min(1.0, value / largest if largest else 0.0)))
        rim = "outline:1px solid #888" if width else ""
        body.append(
            f'<tr><th scope="row" style="padding:1px 8px">{escape(name)}</th><td style="padding:1px 4px">'
            f'<div style="width:{width}px;height:14px;background:{colour};{rim}"></div></td>'
            f"<td>{value:.4f}</td></tr>"
        )
    return scrolled(f'<table class="lab-bars"><tbody>{"".join(body)}</tbody></table>')


def side_by_side(parts: Iterable[str], columns: bool = False) -> str:
    """Put pieces of HTML side by side, as many as fit; with `columns`, they share the full width."""
    styles = ((f' style="{_column(part)}"' if columns else "", part) for part in parts)
    return f'<div class="lab-side">{"".join(f"<div{style}>{part}</div>" for style, part in styles)}</div>'


def _column(part: str) -> str:
    """Return the style of a column that is as wide as its drawings, if there is room."""
    width = max([286, *(int(digits) + 20 for digits in re.findall(r'<svg[^>]* width="(\d+)"', part))])
    return f"flex:1 1 {width}px;min-width:0"


def headed(heading: str, part: str) -> str:
    """Put a plain-text heading above a piece of HTML."""
    return f"<figcaption>{escape(heading)}</figcaption>{part}"


def key(entries: Iterable[tuple[str, str, str]]) -> str:
    """Return the legend of a plot; entries are (name, colour, line style or marker character)."""
    parts = []
    for name, colour, drawn in entries:
        is_sign = len(drawn) == 1
        style = f"color:{colour}" if is_sign else f"border-top:4px {drawn} {colour}"
        swatch = f'<span aria-hidden="true" class="lab-{"sign" if is_sign else "line"}" style="{style}">'
        parts.append(f'<span class="lab-key">{swatch}{drawn if is_sign else ""}</span> {escape(name)}</span> ')
    return "".join(parts)


def shortened(text: str, most: int) -> str:
    """Shorten a text to the width of `most` letters; a Chinese or Japanese letter counts twice."""
    return text if cell_len(text) <= most else f"{chop_cells(text, most - 1)[0]}…"


def symbols(text: str) -> Raw:
    """Return a formula in code notation, such as 'W_h^T e_a_{t+1}', as HTML with indices and signs."""
    text = escape(text, quote=False).replace(" * ", " ⊙ ").replace(" - ", " \u2212 ")
    text = re.sub(
        r"(?<![A-Za-z])([A-Za-zΣ]{1,2})((?:_(?:\{[^}]*\}|[A-Za-z0-9]+))+)",
        lambda match: f"{match[1]}<sub>{','.join(re.findall(r'[^_{}]+', match[2]))}</sub>",
        text,
    )
    return Raw(text.replace("^T", "<sup>T</sup>"))


def number(value: float) -> str:
    """Format a number in about six characters."""
    size = abs(value)
    if not np.isfinite(value) or (value == round(value) and size < 1000):
        return f"{value:.0f}"
    if size < 1e-3:
        return f"{value:.0e}"
    return f"{value:.3g}" if size >= 100 else f"{value:.2f}" if size >= 0.1 else f"{value:.3f}"


def gate_rows(gates: str, n_hidd: int) -> list[str]:
    """Return the row names of stacked gates: 'i 1', 'i 2', ..., 'f 1'.

    If there are too many rows, only the first row of each gate has a name, that of the gate.
    """
    if len(gates) * n_hidd > MAX_WITH_NUMBERS:
        return [name for gate in gates for name in (gate, *[""] * (n_hidd - 1))]
    return [f"{gate} {unit}" for gate in gates for unit in range(1, n_hidd + 1)]


def matrix(
    values: np.ndarray,
    caption: str = "",
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    marked: Iterable[tuple[int, ...]] = (),
    largest: float | None = None,
) -> Raw:
    """Return a matrix of coloured cells with numbers; a large matrix has them as tooltips, NaN cells are empty.

    `values` are (rows, columns). The `caption` is HTML; `rows` and `columns` are optional names. The `marked` cells
    have a frame; `largest` is as in `heat_map`.
    """
    marked = set(marked)
    largest = _largest(values) if largest is None else largest
    small = max(values.shape) > MAX_WITH_NUMBERS
    lines = []
    if len(columns):
        names = "".join(f'<th scope="col"><div dir="auto">{escape(str(name))}</div></th>' for name in columns)
        lines.append(f"<tr>{EMPTY_HEADER if len(rows) else ''}{names}</tr>")
    for i, line in enumerate(values):
        name = escape(str(rows[i])) if len(rows) else ""
        cells = [f'<th scope="row" dir="auto">{name}</th>' if name else EMPTY_HEADER] if len(rows) else []
        for j, value in enumerate(line):
            if np.isnan(value):
                cells.append('<td class="lab-marked"></td>' if (i, j) in marked else "<td></td>")
                continue
            text = "" if small else number(float(value)).replace("-", "\u2212")
            cells.append(_number_cell(float(value), largest, text, f"{float(value):.6g}", (i, j) in marked))
        lines.append(f"<tr>{''.join(cells)}</tr>")
    kind = "lab-matrix lab-small" if small else "lab-matrix"
    return Raw(f'<table class="{kind}">{_caption(Raw(caption))}<tbody>{"".join(lines)}</tbody></table>')
