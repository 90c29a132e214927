"""What a worker does, without its process."""

import pytest

from lxmls_rnn.benchmark.measure.contenders import draw_batch
from lxmls_rnn.benchmark.measure.worker import Bench


@pytest.mark.parametrize("implementation", ["numpy", pytest.param("fused", marks=pytest.mark.theano)])
def test_a_tagger_that_was_timed_starts_anew_for_the_next_length(make_row, implementation):
    """Timing makes many small steps; here one large one stands for them."""
    bench = Bench(implementation, "cpu", "float32")
    for length in (3, 4):
        case = make_row(1.0, implementation, work="step", n_hidd=4, n_words=30, length=length).case
        assert bench.prepare(case)["difference"] < 1e-5
        bench.tagger.bind(draw_batch(case, 1, length), 1.0)()
