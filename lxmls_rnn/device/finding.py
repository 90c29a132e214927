"""Record of what was found about a part of this machine or of the installation."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """A finding about a part of this machine or of the installation; a line of the doctor's screen."""

    name: str  # the part: GPU, libcuda.so, NVRTC, BLAS, C++ compiler, ...
    value: str  # what is there, or why it cannot be used
    ok: bool | None = True  # False: a fault; None: missing, but not needed here
    packages: tuple[str, ...] = ()  # Debian and Ubuntu packages that contain what is missing
    remedy: str = ""  # what to do
