"""The lab as a student sees it: panels, checks of the exercises, and fields for answers in words.

The notebooks are beside it.
"""

import importlib
from typing import Any

# panel: its folder in `lab.panels`, loaded when the name is used
PANELS = {
    "CorpusPanel": "corpus",
    "ModelPanel": "model",
    "TrainingPanel": "training",
    "SweepPanel": "sweep",
    "DistancePanel": "distance",
    "InspectionPanel": "inspection",
    "PlayPanel": "play",
    "GradientCheckPanel": "gradient_check",
    "StepThroughPanel": "step_through",
    "ScanPanel": "scan",
    "BenchmarkPanel": "benchmark",
}

__all__ = [*sorted(PANELS), "Answer", "check"]


def __getattr__(name: str) -> Any:
    if name in PANELS:
        panel = getattr(importlib.import_module(f"lab.panels.{PANELS[name]}.panel"), name)
        if name == "SweepPanel":  # panels import no other panel: they are put together here
            panel.look_into = staticmethod(lambda run: __getattr__("InspectionPanel")(run))
        return panel
    if name == "Answer":
        return importlib.import_module("lab.exercises.answer").Answer
    if name == "check":
        return importlib.import_module("lab.exercises.check")
    if name.endswith("Panel"):
        raise ImportError(
            f"lab has no {name}, only {', '.join(sorted(PANELS))}. Where a notebook is newer than the lab's image, "
            "`docker compose up --build` makes a new one"
        )
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
