"""Small pieces of HTML that follow the theme: tables, heat maps, coloured words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import numpy as np

# Kelly's and Okabe and Ito's colours, lightened: dark text is readable on each
PALETTE = (
    "#9ecae1", "#fdd0a2", "#a1d99b", "#dadaeb", "#fcbba1", "#c7e9c0", "#fee391", "#d9d9d9", "#bcbddc", "#fa9fb5",
    "#c6dbef", "#e5c494",
)  # fmt: skip


def table(header: Sequence[Any], rows: Iterable[Sequence[Any]], caption: str = "") -> str:
    """Return a table; cells that are HTML must be wrapped in `Raw`."""
    head = "".join(f'<th scope="col">{_cell(cell)}</th>' for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{_cell(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    caption = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f'<div class="lab-scroll"><table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


class Raw(str):
    """Text that is HTML already."""


def _cell(value: Any) -> str:
    return value if isinstance(value, Raw) else escape(str(value))


def colour_of(number: int) -> str:
    """Return the background colour of the tag with an id."""
    return PALETTE[number % len(PALETTE)]


def word(text: str, tag: str, colour: str, title: str = "", faint: bool = False) -> Raw:
    """Return a word above its tag, on the tag's colour; `faint` marks it with a dashed border."""
    border = "border:1px dashed #555" if faint else "border:1px solid transparent"
    return Raw(
        f'<span title="{escape(title)}" style="display:inline-block;text-align:center;margin:2px;padding:1px 6px;'
        f'border-radius:4px;background:{colour};color:#111;{border}">{escape(text)}'
        f'<br><small style="color:#333">{escape(tag)}</small></span>'
    )


def chip(text: str, colour: str) -> Raw:
    """Return a text on a colour, in a line of text."""
    return Raw(
        f'<span style="background:{colour};color:#111;padding:0 6px;border-radius:4px;white-space:nowrap">'
        f"{escape(text)}</span>"
    )


def shade(value: float, largest: float) -> str:
    """Return a colour: white for 0, blue towards +largest, orange towards -largest, grey for what is no number."""
    if not np.isfinite(value):
        return "#999999"
    strength = min(1.0, abs(value) / largest) if largest else 0.0
    strong = (31, 119, 180) if value >= 0 else (230, 120, 20)
    return "#" + "".join(f"{round(255 + (c - 255) * strength):02x}" for c in strong)


def heat_map(
    values: np.ndarray, rows: Sequence[str], columns: Sequence[str], largest: float | None = None,
    marked_column: int | None = None, numbers: bool = False, caption: str = "", upright: bool = False,
    number_format: str = ".3g",
) -> str:  # fmt: skip
    """Return a matrix as a table of coloured cells, each with its value as a tooltip or, with `numbers`, written in it.

    Parameters
    ----------
    values
        (len(rows), len(columns)).
    largest
        The value of the strongest colour; by default the largest there is.
    marked_column
        Column to draw a frame around.
    upright
        Write the columns' names upwards, so that long ones leave the cells narrow.
    number_format
        How `numbers` are written.
    """
    finite = np.abs(values[np.isfinite(values)])
    largest = float(finite.max(initial=0)) if largest is None else largest
    turned = '<span style="writing-mode:vertical-rl;transform:rotate(180deg)">{}</span>' if upright else "{}"
    narrow = ";padding:2px 0" if upright else ""
    head = "".join(
        f'<th scope="col" style="text-align:center;vertical-align:bottom{narrow}">'
        f"{turned.format(escape(str(name)))}</th>"
        for name in ("", *columns)
    )
    body = []
    for name, line in zip(rows, values, strict=True):
        cells = []
        for t, value in enumerate(line):
            colour = shade(float(value), largest)
            ink = "#fff" if np.isfinite(value) and largest and abs(value) > 0.65 * largest else "#111"
            frame = "outline:2px solid #d62728;outline-offset:-2px;" if t == marked_column else ""
            text = format(value, number_format) if numbers else ""
            exact = str(value) if isinstance(value, np.integer) else f"{value:.4g}"
            cells.append(
                f'<td title="{escape(name)}, {escape(str(columns[t]))}: {exact}" '
                f'style="background:{colour};color:{ink};{frame}min-width:22px;text-align:center;padding:1px 3px">'
                f"{text}</td>"
            )
        body.append(f'<tr><th scope="row" style="padding:0 6px">{escape(name)}</th>{"".join(cells)}</tr>')
    caption = f"<caption>{escape(caption)}</caption>" if caption else ""
    return (
        f'<div class="lab-scroll"><table class="lab-heat">{caption}<thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def bars(rows: Iterable[tuple[str, float, str]], largest: float, number_format: str = ".4f") -> str:
    """Return a table of horizontal bars: each row a name, a value and a colour; negative values go without a bar."""
    body = []
    for name, value, colour in rows:
        width = round(160 * max(0.0, min(1.0, value / largest if largest else 0.0)))
        rim = "outline:1px solid #888" if width else ""
        body.append(
            f'<tr><th scope="row" style="padding:1px 8px">{escape(name)}</th><td style="padding:1px 4px">'
            f'<div style="width:{width}px;height:14px;background:{colour};{rim}"></div></td>'
            f"<td>{format(value, number_format)}</td></tr>"
        )
    return f'<div class="lab-scroll"><table class="lab-bars"><tbody>{"".join(body)}</tbody></table></div>'


def symbols(text: str) -> Raw:
    """Return a formula as the code writes it, 'W_h^T e_a_{t+1}', with its indices and signs in their places."""
    text = escape(text, quote=False).replace(" * ", " ⊙ ").replace(" - ", " \u2212 ")
    text = re.sub(
        r"(?<![A-Za-z])([A-Za-z]{1,2})((?:_(?:\{[^}]*\}|[A-Za-z0-9]+))+)",
        lambda found: f"{found[1]}<sub>{','.join(re.findall(r'[^_{}]+', found[2]))}</sub>",
        text,
    )
    return Raw(text.replace("^T", "<sup>T</sup>"))


def number(value: float) -> str:
    """Return a number in at most six signs or so."""
    size = abs(value)
    if not np.isfinite(value) or (value == round(value) and size < 1000):
        return f"{value:.0f}"
    if size < 1e-3:
        return f"{value:.0e}"
    return f"{value:.3g}" if size >= 100 else f"{value:.2f}" if size >= 0.1 else f"{value:.3f}"


def matrix(
    values: np.ndarray, caption: str = "", rows: Sequence[str] = (), columns: Sequence[str] = (),
    marked: Iterable[tuple[int, int]] = (), largest: float | None = None, most: int = 12,
) -> Raw:  # fmt: skip
    """Return a small matrix of coloured cells with its numbers; cells that are NaN stay empty.

    Parameters
    ----------
    values
        (rows, columns).
    caption
        HTML above it.
    rows, columns
        Names of the rows and columns; none are written without.
    marked
        Cells with a frame.
    largest
        As in `heat_map`.
    most
        A matrix with more rows or columns has no room for numbers: they are tooltips.
    """
    marked = set(marked)
    finite = np.abs(values[np.isfinite(values)])
    largest = float(finite.max(initial=0)) if largest is None else largest
    small = max(values.shape) > most
    lines = []
    if len(columns):
        names = "".join(f'<th scope="col"><div>{escape(str(name))}</div></th>' for name in columns)
        lines.append(f"<tr>{'<th></th>' if len(rows) else ''}{names}</tr>")
    for i, line in enumerate(values):
        cells = [f'<th scope="row">{escape(str(rows[i]))}</th>'] if len(rows) else []
        for j, value in enumerate(line):
            frame = ' class="lab-marked"' if (i, j) in marked else ""
            if np.isnan(value):
                cells.append(f"<td{frame}></td>")
                continue
            strong = largest and value > 0.65 * largest  # dark ink is readable on every orange
            style = f"background:{shade(float(value), largest)};color:{'#fff' if strong else '#111'}"
            text = "" if small else number(float(value)).replace("-", "\u2212")
            cells.append(f'<td{frame} style="{style}" title="{float(value):.6g}">{text}</td>')
        lines.append(f"<tr>{''.join(cells)}</tr>")
    kind = "lab-matrix lab-small" if small else "lab-matrix"
    caption = f"<caption>{caption}</caption>" if caption else ""
    return Raw(f'<table class="{kind}">{caption}<tbody>{"".join(lines)}</tbody></table>')
