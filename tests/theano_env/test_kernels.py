"""Kernels that are compiled ahead, with a pygpu that notes what it is to compile; tests/gpu has a real one."""

import itertools
import os
import sys
from types import SimpleNamespace

import pytest

from lxmls_rnn.device import libraries
from lxmls_rnn.theano_env import kernels

SOURCE = "#define KERNEL\nKERNEL void helper (int n) {{ }}\nKERNEL void {} (int n) {{ }}\n"


@pytest.fixture
def compiled(monkeypatch):
    """The calls that a pygpu has got."""
    calls = []

    def init(name, kernel_cache_path):
        calls.append((name, kernel_cache_path))
        return "the context"

    def compile_one(source, name, types, context):
        assert (types, context) == ([], "the context")
        assert f"{name} (int n)" in source
        calls.append(name)

    pygpu = SimpleNamespace(init=init, gpuarray=SimpleNamespace(GpuKernel=compile_one))
    monkeypatch.setitem(sys.modules, "pygpu", pygpu)
    return calls


@pytest.fixture
def image(tmp_path, monkeypatch):
    """An image with three kernels, and a lab that asks for its second GPU."""
    folder = tmp_path / "cache" / "kernels"
    folder.mkdir(parents=True)
    for name in ("b", "a", "c"):
        (folder / f"{name}.cu").write_text(SOURCE.format(f"kernel_{name}"))
    (folder / "more.txt").touch()
    monkeypatch.setenv("LXMLS_IMAGE", str(tmp_path))
    monkeypatch.setenv("LXMLS_KERNELS", str(tmp_path / "progress"))
    monkeypatch.setattr(kernels, "in_effect", lambda: {"device": "cuda1", "gpuarray.cache_path": "/kept"})
    monkeypatch.setattr(libraries, "allows_several_processes", lambda number: number == 1)
    return tmp_path


def test_the_progress_is_in_a_file_while_it_lasts_and_the_end_in_the_log(compiled, image, capsys, monkeypatch):
    written = []
    write = kernels.write_atomically
    monkeypatch.setattr(
        kernels, "write_atomically", lambda path, text: (write(path, text), written.append(path.read_text()))
    )
    monkeypatch.setattr(kernels, "time", SimpleNamespace(monotonic=lambda: 0.0))
    kernels.main()
    assert compiled == [("cuda1", "/kept"), "kernel_a", "kernel_b", "kernel_c"]
    assert written == ["1 of 3", "2 of 3", "3 of 3"]
    assert not (image / "progress").exists()
    assert capsys.readouterr().out == "Kernels for the GPU: all 3 are compiled, after 0 s.\n"


def test_the_log_has_a_line_now_and_then(compiled, image, capsys, monkeypatch):
    clock = itertools.count(0, 6)  # seconds
    monkeypatch.setattr(kernels, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    monkeypatch.delenv("LXMLS_KERNELS")
    kernels.main()
    *between, last = capsys.readouterr().out.splitlines()
    assert between == ["Kernels for the GPU: 2 of 3 are compiled."]
    assert last.startswith("Kernels for the GPU: all 3 are compiled, after ")
    assert os.listdir(image) == ["cache"]


def test_a_gpu_for_one_process_is_left_to_the_training(compiled, image, capsys, monkeypatch):
    monkeypatch.setattr(libraries, "allows_several_processes", lambda number: False)
    (image / "progress").write_text("of a start before")
    kernels.main()
    assert compiled == []
    assert not (image / "progress").exists()
    assert capsys.readouterr().out.startswith("Kernels for the GPU are compiled when they are needed")


def test_a_kernel_that_does_not_compile_leaves_no_progress(compiled, image, capsys):
    (image / "cache" / "kernels" / "b.cu").write_text("no kernel")
    with pytest.raises(IndexError):
        kernels.main()
    assert not (image / "progress").exists()
    assert capsys.readouterr().out == ""
