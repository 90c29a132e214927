"""Compile a GPU's kernels before the first training needs them.

The image contains the sources of the kernels that its models need, recorded when it was built. When the lab starts,
``python -m lxmls_rnn.theano_env.kernels`` lets libgpuarray compile them for the machine's driver and GPU.
"""

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

from lxmls_rnn.device import libraries
from lxmls_rnn.device.problems import index
from lxmls_rnn.storage.files import write_atomically
from lxmls_rnn.theano_env.flags import in_effect

KERNEL_NAME = re.compile(r"\bKERNEL void (\w+)\s*\(")
LOG_SECONDS = 10.0  # interval of the lines in the log


def compile_ahead(sources: Path, cache: Path, number: int = 0) -> Iterator[tuple[int, int]]:
    """Compile the missing kernels for GPU `number`; yield the numbers of finished and of all kernels after each one.

    `sources` is a folder of files ``*.cu``, each the source of a kernel; `cache` is libgpuarray's folder for compiled
    kernels.
    """
    pygpu = libraries.import_pygpu()
    context = pygpu.init(f"cuda{number}", kernel_cache_path=str(cache))
    files = sorted(sources.glob("*.cu"))
    for done, file in enumerate(files, 1):
        source = file.read_text()
        pygpu.gpuarray.GpuKernel(source, KERNEL_NAME.findall(source)[-1], [], context=context)
        yield done, len(files)


def main() -> None:
    """Compile the image's kernels for the device of LXMLS_DEVICE; report progress in the log and in LXMLS_KERNELS."""
    settings, progress = in_effect(), os.environ.get("LXMLS_KERNELS")
    number, sources = index(settings["device"]), Path(os.environ["LXMLS_IMAGE"], "cache", "kernels")
    start = logged = time.monotonic()
    done = 0
    try:
        if not libraries.allows_several_processes(number):
            print(
                "Kernels for the GPU are compiled when they are needed: the GPU allows only one process at a time.",
                flush=True,
            )
            return
        for done, count in compile_ahead(sources, Path(settings["gpuarray.cache_path"]), number):
            if progress:
                write_atomically(Path(progress), f"{done} of {count}")
            if time.monotonic() - logged > LOG_SECONDS:
                logged = time.monotonic()
                print(f"Kernels for the GPU: {done} of {count} are compiled.", flush=True)
    finally:
        if progress:
            Path(progress).unlink(missing_ok=True)
    print(f"Kernels for the GPU: all {done} are compiled, after {time.monotonic() - start:.0f} s.", flush=True)


if __name__ == "__main__":
    main()
