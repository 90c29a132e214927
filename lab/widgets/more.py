"""Controls that are rarely needed, folded away."""

import ipywidgets as widgets

from lab.widgets.controls import in_row, shown_if


class More(widgets.VBox):
    """Controls under a button, which says whether they are seen; closed at first."""

    def __init__(self, *rare: widgets.Widget) -> None:
        look = {"icon": "sliders", "layout": {"width": "auto", "align_self": "flex-start"}}
        self.button = widgets.ToggleButton(description="More", tooltip="Settings that are rarely needed", **look)
        self.rare = rare
        self._at_first = {control: control.value for control in rare}
        super().__init__([self.button, shown_if(in_row(*rare), self.button)])

    @property
    def changed(self) -> str:
        """Which of them count and are not as they are at first (a list: at its first), as ", decay 0.1, shuffle"."""
        said = []
        for control, value in self._at_first.items():
            at_first = control.options[0] if isinstance(control, widgets.Dropdown) else value
            if control.value != at_first and not control.disabled and control.layout.display != "none":
                name = control.description[0].lower() + control.description[1:]
                said.append({True: name, False: f"no {name}"}.get(control.value, f"{name} {control.value}"))
        return "".join(f", {text}" for text in said)
