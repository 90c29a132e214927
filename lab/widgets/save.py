"""Buttons that save the pictures and tables of a panel as files; the browser makes them, without the kernel."""

from pathlib import Path

import ipywidgets as widgets

SCRIPT = (Path(__file__).parent / "save.js").read_text(encoding="utf-8")  # defines labSave(button, kind)
FILE_TOOLTIPS = {
    "png": "Save the pictures of this panel as an image, twice as large",
    "svg": "Save the pictures of this panel as a drawing, for papers and slides",
    "csv": "Save the tables of this panel for a spreadsheet",
}


def save_buttons() -> widgets.HTML:
    """Make the buttons; `SCRIPT` must have run in the page."""
    buttons = (
        f'<button type="button" title="{tooltip}" onclick="labSave(this, \'{kind}\')">{kind.upper()}</button> '
        for kind, tooltip in FILE_TOOLTIPS.items()
    )
    return widgets.HTML(f'<div class="lab-save">Save {"".join(buttons)}<span role="status"></span></div>')
