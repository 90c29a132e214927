"""What does not fit into memory is refused in a sentence before it is made."""

import resource
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from lxmls_rnn import memory
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN
from lxmls_rnn.deep_learning.training import Trainer
from lxmls_rnn.tagger import Tagger


def test_a_model_larger_than_memory_is_refused_with_its_sizes():
    with pytest.raises(
        MemoryError, match=r"a model with n_words 2,000,000,000, n_emb 4,096, .* needs about .* are free here"
    ):
        NumpyRNN(2_000_000_000, 4096, 20, 12)


def test_a_batch_larger_than_memory_is_refused_before_it_is_padded(monkeypatch):
    sentences = [SimpleNamespace(x=np.zeros(n, "int32"), y=np.zeros(n, "int32")) for n in [90_000, *[5] * 43]]
    monkeypatch.setattr(memory, "free", lambda: 10**9)
    with pytest.raises(MemoryError, match=r"the largest batch of 3,960,000, needs about .*: take smaller batches"):
        next(Trainer(batch_size=44).fit(NumpyRNN(3, 100, 5, 4, seed=0), sentences))


def test_a_sentence_of_dev_that_is_larger_than_memory_is_refused_before_the_training(monkeypatch):
    train, dev = (SimpleNamespace(x=np.zeros(n, "int32"), y=np.zeros(n, "int32")) for n in (5, 90_000))
    monkeypatch.setattr(memory, "free", lambda: 10**9)
    with pytest.raises(MemoryError, match=r"the largest batch of 90,000, needs about .*"):
        next(Trainer().fit(NumpyRNN(3, 5, 1000, 4, seed=0), [train], [dev]))


def test_the_gradients_of_a_training_count(monkeypatch):
    """W_h has 8 MB; its gradient, what that is summed in, and the update are three more."""
    sentence = SimpleNamespace(x=np.zeros(5, "int32"), y=np.zeros(5, "int32"))
    model = NumpyRNN(3, 5, 1000, 4, seed=0)
    monkeypatch.setattr(memory, "free", lambda: (25 << 20) + memory.RESERVE_BYTES)
    next(Trainer().fit(model, [sentence]))
    monkeypatch.setattr(memory, "free", lambda: (22 << 20) + memory.RESERVE_BYTES)
    with pytest.raises(MemoryError, match=r"a training on 5 words, .* needs about 24 MB, and 23 MB are free here"):
        next(Trainer().fit(model, [sentence]))


def test_a_decomposition_that_does_not_fit_is_refused(monkeypatch):
    monkeypatch.setattr(memory, "free", lambda: (45 << 20) + memory.RESERVE_BYTES)
    NumpyRNN(3, 5, 1000, 4, seed=0, init="glorot")
    with pytest.raises(MemoryError, match=r"a model with n_words 3, .* needs about 48 MB"):
        NumpyRNN(3, 5, 1000, 4, seed=0, init="orthogonal")


def test_words_are_not_compared_without_memory_for_it(monkeypatch):
    words = [f"w{n}" for n in range(20_000)]
    tagger = Tagger(NumpyRNN(len(words), 50, 5, 4, seed=0), words, list("abcd"), len(words))
    assert len(tagger.neighbours("w7")) == 10
    monkeypatch.setattr(memory, "free", lambda: 10**7)
    with pytest.raises(MemoryError, match="the comparison of 20,000 words needs about 24 MB, and 0 MB are free here"):
        tagger.neighbours("w7")


def test_what_fits_exactly_is_made_and_little_is_not_asked_about(monkeypatch):
    monkeypatch.setattr(memory, "free", lambda: memory.RESERVE_BYTES + 4_200_000_000)
    memory.check("a model", 4_200_000_000, "take less")
    with pytest.raises(MemoryError, match=r"^a model needs about 4\.2 GB, and 4\.2 GB are free here: take less$"):
        memory.check("a model", 4_200_000_001, "take less")
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
print(memory.free())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 2 << 30
