from lab import DistancePanel
from lab.widgets.save import FILE_TOOLTIPS, SCRIPT


def test_every_panel_ends_with_a_button_for_each_kind_of_file():
    panel = DistancePanel()
    for kind in FILE_TOOLTIPS:
        assert f"labSave(this, '{kind}')" in panel.children[-1].value
    assert "window.labSave" in SCRIPT
    assert "window.labSave" in panel.children[0].value
