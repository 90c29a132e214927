"""Collapsible box for rarely used controls."""

import ipywidgets as widgets

from lab.widgets.controls import in_row, shown_if


class Collapsible(widgets.VBox):
    """Controls that a More button shows and hides; hidden at first."""

    def __init__(self, *rare: widgets.Widget) -> None:
        appearance = {"icon": "sliders", "layout": {"width": "auto", "align_self": "flex-start"}}
        self.button = widgets.ToggleButton(description="More", tooltip="Rarely used settings", **appearance)
        self.controls = rare
        self._initial = {control: control.value for control in rare}
        super().__init__([self.button, shown_if(in_row(*rare), self.button)])

    @property
    def changed(self) -> str:
        """The active controls that differ from their initial value or first option: ", decay 0.1, shuffle"."""
        parts = []
        for control, value in self._initial.items():
            initial = control.options[0] if isinstance(control, widgets.Dropdown) else value
            if control.value != initial and not control.disabled and control.layout.display != "none":
                name = control.description[0].lower() + control.description[1:]
                parts.append({True: name, False: f"no {name}"}.get(control.value, f"{name} {control.value}"))
        return "".join(f", {text}" for text in parts)
