"""What a worker does, without its process."""

import subprocess
import sys
from time import perf_counter

import pytest

from lxmls_rnn.benchmark.measure.contenders import draw_batch
from lxmls_rnn.benchmark.measure.worker import WARM_UP, Bench

compiles = pytest.mark.slow("compiles the fused layer, five seconds from an empty cache")


@pytest.mark.parametrize("implementation", ["numpy", pytest.param("fused", marks=[pytest.mark.theano, compiles])])
def test_a_tagger_that_was_timed_starts_anew_for_the_next_length(make_row, implementation):
    """Timing makes many small steps; here one large one stands for them."""
    bench = Bench(implementation, "cpu", "float32")
    for length in (3, 4):
        case = make_row(1.0, implementation, work="step", n_hidd=4, n_words=30, length=length).case
        assert bench.prepare(case)["difference"] < 1e-5
        bench.tagger.bind(draw_batch(case, 1, length), 1.0)()


@pytest.mark.parametrize(("device", "warm"), [("cuda", True), ("cpu", False)])
def test_a_gpu_works_before_each_round(make_row, device, warm):
    bench, times = Bench("numpy", device, "float32"), []
    bench.prepare(make_row(1.0, n_hidd=4, n_words=30).case)
    bench.call = lambda: times.append(perf_counter())
    for _ in range(2):
        start = perf_counter()
        bench.measure(1e-9)
        assert (times[-1] - start >= WARM_UP) == warm


def test_the_seconds_of_a_call_are_those_that_it_took(make_row):
    """A clock around every call: a repeat takes no less than its calls do, and no more than from the call before on."""
    bench, clock = Bench("numpy", "cpu", "float32"), []
    bench.prepare(make_row(1.0, n_hidd=4, n_words=30).case)
    work = bench.call

    def watched():
        start = perf_counter()
        work()
        clock.append((start, perf_counter()))

    bench.call = watched
    measured = bench.measure(0.02)
    calls = measured["calls"]
    assert calls > 1  # a call this short is timed together with others
    for number, seconds in enumerate(reversed(measured["seconds"])):
        last = len(clock) - number * calls
        assert clock[last - 1][1] - clock[last - calls][0] <= seconds * calls * (1 + 1e-9)
        if number:  # the time between the last call and the return is not on the clock
            assert seconds * calls <= clock[last][0] - clock[last - calls - 1][1]


BARE = """
import sys
here = sys.stdlib_module_names | {"numpy", "lxmls_rnn"}
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in here:
            raise ImportError(name)
sys.meta_path.insert(0, Absent())
from lxmls_rnn.benchmark.measure.cases import Case
from lxmls_rnn.benchmark.measure.worker import Bench
case = Case("lstm", "numpy", "cpu", "float32", "backward", 5, 3, 4, 30)
print(Bench("numpy", "cpu", "float32").prepare(case)["difference"] < 1e-5)
"""


@pytest.mark.process
def test_it_needs_nothing_but_numpy_and_what_it_times():
    done = subprocess.run([sys.executable, "-c", BARE], capture_output=True, text=True)
    assert done.stdout == "True\n", done.stderr
