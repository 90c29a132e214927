"""Student interface of the lab: panels, exercise checks and answer fields, for the notebooks in lab/notebooks."""

import importlib
from typing import Any

# class name: folder in `lab.panels`, imported on first use
PANELS = {
    "CorpusPanel": "corpus",
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
        if name == "SweepPanel":  # panels must not import each other, so they are connected here
            panel.make_inspection_panel = staticmethod(lambda run: __getattr__("InspectionPanel")(run))
        return panel
    if name == "Answer":
        return importlib.import_module("lab.exercises.written").Answer
    if name == "check":
        return importlib.import_module("lab.exercises.check")
    if name.endswith("Panel"):
        raise ImportError(
            f"lab has no {name}: expected one of {', '.join(sorted(PANELS))}. If the notebook is newer than the Docker "
            "image, rebuild the image with `docker compose up --build`"
        )
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
