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


@pytest.mark.process
def test_the_limit_of_the_process_counts():
    code = f"""
import resource
from lxmls_rnn import memory
resource.setrlimit(resource.RLIMIT_AS, ({2 << 30}, {resource.RLIM_INFINITY}))
print(memory.free())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 2 << 30
