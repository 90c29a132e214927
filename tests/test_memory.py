"""What does not fit into memory is refused in a sentence before it is made."""

import resource
import subprocess
import sys

import numpy as np
import pytest

from lxmls_rnn import memory
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN


def test_a_model_larger_than_memory_is_refused_with_its_sizes():
    with pytest.raises(
        MemoryError, match=r"a model with n_words 2,000,000,000, n_emb 4,096, .* needs about .* are free here"
    ):
        NumpyRNN(2_000_000_000, 4096, 20, 12)


def test_a_decomposition_that_does_not_fit_is_refused(monkeypatch):
    monkeypatch.setattr(memory, "free", lambda: (45 << 20) + memory.RESERVE_BYTES)
    NumpyRNN(3, 5, 1000, 4, seed=0, init="glorot")
    with pytest.raises(MemoryError, match=r"a model with n_words 3, .* needs about 48 MB"):
        NumpyRNN(3, 5, 1000, 4, seed=0, init="orthogonal")


def test_what_fits_exactly_is_made_and_little_is_not_asked_about(monkeypatch):
    monkeypatch.setattr(memory, "free", lambda: memory.RESERVE_BYTES + 4_200_000_000)
    memory.check("a model", 4_200_000_000)
    with pytest.raises(MemoryError, match=r"^a model needs about 4\.2 GB, and 4\.2 GB are free here$"):
        memory.check("a model", 4_200_000_001)
    with pytest.raises(MemoryError, match=r"^a model needs about 1,234,567\.0 GB, and 4\.2 GB are free here$"):
        memory.check("a model", 1_234_567 * 10**9)
    monkeypatch.setattr(memory, "free", lambda: 0)
    memory.check("a model", memory.MIN_CHECKED_BYTES - 1)
    with pytest.raises(MemoryError, match="needs about 17 MB, and 0 MB are free here"):
        memory.check("a model", memory.MIN_CHECKED_BYTES)


def test_where_nothing_says_how_much_there_is_nothing_is_refused(monkeypatch):
    monkeypatch.setattr(memory, "_text", lambda file: "")
    assert memory.free() > 2**50


def test_a_group_over_its_limit_has_nothing(tmp_path, monkeypatch):
    for name, content in (("memory.max", "1000000"), ("memory.current", "3000000"), ("memory.stat", "")):
        (tmp_path / name).write_text(content)
    monkeypatch.setattr(memory, "_groups", lambda: [tmp_path])
    assert memory.free() == 0


def test_a_group_of_processes_may_have_less_than_the_machine(tmp_path, monkeypatch):
    inner = tmp_path / "outer" / "inner"
    inner.mkdir(parents=True)
    for folder, limit in ((inner, "max"), (inner.parent, "1000000")):
        (folder / "memory.max").write_text(f"{limit}\n")
        (folder / "memory.current").write_text("900000\n")
        (folder / "memory.stat").write_text("anon 1\ninactive_file 300000\nactive_file 100000\n")
    (inner / "memory.events").write_text("low 0\noom 3\noom_kill 2\n")
    monkeypatch.setattr(memory, "_groups", lambda: [inner, inner.parent])
    assert memory.free() == 500_000
    assert memory.kills() == 2


def test_cgroup_1_counts_in_files_of_other_names(tmp_path, monkeypatch):
    (tmp_path / "memory.limit_in_bytes").write_text("1000000\n")
    (tmp_path / "memory.usage_in_bytes").write_text("900000\n")
    (tmp_path / "memory.stat").write_text("inactive_file 7\ntotal_inactive_file 300000\ntotal_active_file 100000\n")
    (tmp_path / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")
    monkeypatch.setattr(memory, "_groups", lambda: [tmp_path / "none", tmp_path])
    assert memory.free() == 500_000
    assert memory.kills() == 2


def test_both_versions_of_cgroups_are_looked_at(monkeypatch):
    monkeypatch.setattr(memory, "_text", lambda file: "4:memory:/docker/x\n1:cpu:/\n0::/y\n")
    found = [str(folder.relative_to(memory.CGROUPS)) for folder in memory._groups()]
    assert found == ["y", ".", "memory/docker/x", "memory/docker", "memory"]


def test_the_limit_of_the_process_counts():
    code = f"""
import resource
from lxmls_rnn import memory
resource.setrlimit(resource.RLIMIT_AS, ({2 << 30}, {resource.RLIM_INFINITY}))
memory._of_machine = lambda: 1 << 62
print(memory.free())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 0 < int(done.stdout) < (2 << 30) - (8 << 20)  # Python has mapped more than that


def test_the_peak_is_counted_since_it_was_reset():
    memory.reset_peak()
    before = memory.peak()
    ones = np.ones(1 << 23)  # 64 MiB
    during = memory.peak()
    ones_size = ones.nbytes
    assert during - before > 0.9 * ones_size
    del ones
    assert memory.peak() > during - ones_size // 2
    memory.reset_peak()
    assert memory.peak() < during - ones_size // 2
