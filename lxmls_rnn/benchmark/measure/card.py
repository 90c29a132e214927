"""Readings of nvidia-smi while GPUs are measured: clocks, power, temperature, the width of the bus."""

from __future__ import annotations

import subprocess

QUERIES = {  # nvidia-smi's names of what is recorded
    "name": "name",
    "clocks.sm": "MHz of the multiprocessors",
    "clocks.mem": "MHz of the memory",
    "power.draw": "W",
    "temperature.gpu": "degrees Celsius",
    "pcie.link.gen.current": "generation of PCIe",
    "pcie.link.width.current": "lanes of PCIe",
}
TIMEOUT_SECONDS = 10


def state() -> list[dict[str, str | float]]:
    """Return the `QUERIES` of each GPU; a quantity that nvidia-smi does not report is absent, none of a GPU without it.

    nvidia-smi prints errors on standard output too, and "[N/A]" or "[Not Supported]" where it knows no number.
    """
    command = ["nvidia-smi", f"--query-gpu={','.join(QUERIES)}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return []
    if done.returncode != 0:
        return []
    lines = [[field.strip() for field in line.split(",")] for line in done.stdout.splitlines()]
    return [_known(fields) for fields in lines if len(fields) == len(QUERIES)]


def _known(fields: list[str]) -> dict[str, str | float]:
    found: dict[str, str | float] = {"name": fields[0]}
    for name, field in zip(list(QUERIES)[1:], fields[1:], strict=True):
        try:
            found[name] = float(field)
        except ValueError:
            continue
    return found


def power(device: str) -> float | None:
    """Return the watts that the GPU of a device such as "cuda1" draws; None if nvidia-smi does not report them."""
    cards, number = state(), int(device.removeprefix("cuda") or 0)
    watts = cards[number].get("power.draw") if number < len(cards) else None
    return watts if isinstance(watts, float) else None
