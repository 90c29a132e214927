"""A format, a button that makes a file of a tagger, and the link that saves the file."""

import base64
from collections.abc import Callable
from html import escape
from pathlib import Path

from lab.drawing.looks import RowBox
from lab.widgets.controls import ROW, dropdown, on_change, view
from lab.widgets.panel import Panel
from lxmls_rnn.export import files

MAX_LINK_BYTES = 100 << 20  # of a file; the browser holds all of it, as text


class Export(RowBox):
    """Controls that export the model of a run; `folder` returns the run's folder, `panel` shows the errors.

    The link holds the file itself, so it works in a hosted notebook too, which offers no files of the lab.
    """

    def __init__(self, panel: Panel, folder: Callable[[], Path]) -> None:
        self._folder = folder
        options = [(title, name) for name, title in files.FORMATS.items()]
        self.format = dropdown("Format", options, "The program that reads the exported file", "html", "17em", "4em")
        tooltip = "Make a file of this tagger for your own computer: it needs no lab and no network"
        self.button = panel.button("Export", tooltip, self.export, icon="download", single=True)
        self.link = view("saved")
        super().__init__([self.format, self.button, self.link], [ROW])
        on_change(self.clear, self.format)

    def export(self) -> None:
        """Show the link; errors as `files.export`, and ValueError if the file has more than `MAX_LINK_BYTES`."""
        self.clear()
        file = files.export(self._folder(), self.format.value)
        if (size := len(file.content)) > MAX_LINK_BYTES:
            raise ValueError(f"{file.name} has {size:,} bytes, too many for a link: use the command `lxmls-rnn export`")
        kind = "text/html" if self.format.value == "html" else "application/octet-stream"
        href = f"data:{kind};base64,{base64.b64encode(file.content).decode()}"
        name = escape(file.name)
        self.link.value = f'<a download="{name}" href="{href}">Save {name}</a> ({size:,} bytes)'

    def clear(self) -> None:
        """Remove the link, because another run or format is selected."""
        self.link.value = ""
