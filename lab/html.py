"""Small pieces of HTML that follow the theme: tables, heat maps, coloured words."""

from __future__ import annotations

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


def shade(value: float, largest: float) -> str:
    """Return a colour: white for 0, blue towards +largest, orange towards -largest, grey for what is no number."""
    if not np.isfinite(value):
        return "#999999"
    strength = min(1.0, abs(value) / largest) if largest else 0.0
    strong = (31, 119, 180) if value >= 0 else (230, 120, 20)
    return "#" + "".join(f"{round(255 + (c - 255) * strength):02x}" for c in strong)


def heat_map(
    values: np.ndarray, rows: Sequence[str], columns: Sequence[str], largest: float | None = None,
    marked_column: int | None = None, numbers: bool = False, caption: str = "",
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
    """
    finite = np.abs(values[np.isfinite(values)])
    largest = float(finite.max(initial=0)) if largest is None else largest
    head = "".join(f'<th scope="col" style="text-align:center">{escape(str(name))}</th>' for name in ("", *columns))
    body = []
    for name, line in zip(rows, values, strict=True):
        cells = []
        for t, value in enumerate(line):
            colour = shade(float(value), largest)
            ink = "#fff" if np.isfinite(value) and largest and abs(value) > 0.65 * largest else "#111"
            frame = "outline:2px solid #d62728;outline-offset:-2px;" if t == marked_column else ""
            text = f"{value:.3g}" if numbers else ""
            cells.append(
                f'<td title="{escape(name)}, {escape(str(columns[t]))}: {value:.4g}" '
                f'style="background:{colour};color:{ink};{frame}min-width:22px;text-align:center;padding:1px 3px">'
                f"{text}</td>"
            )
        body.append(f'<tr><th scope="row" style="padding:0 6px">{escape(name)}</th>{"".join(cells)}</tr>')
    caption = f"<caption>{escape(caption)}</caption>" if caption else ""
    return (
        f'<div class="lab-scroll"><table class="lab-heat">{caption}<thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )
