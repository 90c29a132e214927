"""The command `lxmls-rnn sweep`: as it is typed, and stopped."""

import io
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import psutil
import pytest
from cli.command import COMMAND, table_of
from environment import wait_until
from matplotlib.image import imread
from rich.text import Text
from sweep.clusters import cluster_of
from sweep.small import BASE, by_size, hold_workers, small_sweep, with_runs, workers_of
from typer.testing import CliRunner

from lxmls_rnn import paths
from lxmls_rnn.cli import app
from lxmls_rnn.cli.console import SafeConsole
from lxmls_rnn.cli.sweep import duration, in_a_line
from lxmls_rnn.cli.sweep import run as run_command
from lxmls_rnn.runs import Run
from lxmls_rnn.sweep.driver import Driver
from lxmls_rnn.sweep.results import read_all
from lxmls_rnn.sweep.sweep import Sweep

SHORT = ["--max-nr-sent", "30", "--n-emb", "3", "--n-hidd", "3"]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Call the command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*args):
        return CliRunner().invoke(app, ["sweep", *args])

    return call


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["sample"], "there is nothing to vary"),
        (["nowhere", "--seeds", "2"], "corpus must be one of sample, sample-pt, sample-both, ewt, .* got 'nowhere'"),
        (["--seeds", "2", "--vary", "seed=1"], "--seeds or --vary seed"),
        (["--seeds", "2", "--name", "a/b"], "must be a folder name .* got 'a/b'"),
        (["--seeds", "30000000"], "the number of seeds asks for 30,000,000 trainings"),
        (["--seeds", "2", "--scheduler", "tcp://127.0.0.1:1"], "no scheduler answers at tcp://127.0.0.1:1"),
        (["--resume", "nothing"], "no sweep /.*/runs/nothing"),
        (["--resume", "nothing", "--root", "my runs"], "no sweep my runs/nothing: `lxmls-rnn runs --root 'my runs'`"),
        (["show", "nothing"], "no sweep /.*/runs/nothing"),
        (["--resume", "nothing", "--rate", "1"], "keeps its settings: rate cannot be given with --resume"),
    ],
)
def test_what_the_user_can_mend_is_one_sentence_and_nothing_is_made(run, tmp_path, monkeypatch, args, message):
    monkeypatch.setattr("lxmls_rnn.sweep.cluster.CONNECT_SECONDS", 0)
    result = run(*args)
    assert result.exit_code == 1
    assert re.search(rf"Error: .*{message}", result.output), result.output
    assert not list(tmp_path.iterdir())


@pytest.fixture
def idle(monkeypatch):
    """Sweeps train nothing."""
    monkeypatch.setattr(Driver, "run", lambda driver: (None for _ in ()))


def test_a_sample_is_drawn_and_can_be_raised_when_a_sweep_goes_on(run, idle):
    begun = run("--vary", "n_hidd=lin:1:9:9", "--vary", "rate=0.1,0.2", "--sample", "5", "--seeds", "3", "--name", "a")
    assert begun.output.startswith("15 trainings: 5 settings with 3 seeds each.\n")
    raised = run("--resume", "a", "--sample", "6")
    assert raised.output.startswith("18 trainings: 6 settings with 3 seeds each.\n")


def test_each_command_that_it_advises_works_as_printed(run, idle, tmp_path):
    root = tmp_path / "my runs"
    small_sweep(root, "n_hidd=2", name="a").begin()
    again = run("--seeds", "2", "--name", "a", "--root", "my runs")
    assert again.exit_code == 1
    listed = CliRunner().invoke(app, ["runs", "--root", "my runs"])
    shows = re.findall(r"`lxmls-rnn (sweep show .*?)`", listed.output)
    resumes = re.findall(r"`lxmls-rnn (sweep --resume .*?)`", again.output)
    assert shows == ["sweep show a --root 'my runs'"]
    assert resumes == ["sweep --resume a --root 'my runs'"]
    assert CliRunner().invoke(app, shlex.split(shows[0])).exit_code == 0
    resumed = CliRunner().invoke(app, shlex.split(resumes[0]))
    assert resumed.exit_code == 0
    assert resumed.output.startswith("2 trainings: 1 setting with 2 seeds.\n")


@pytest.mark.daily("it starts workers")
def test_the_example_works_as_printed(run):
    example = re.search(r"Example: `lxmls-rnn sweep (.*)`", run_command.__doc__).group(1)
    result = run(*shlex.split(example))
    assert result.exit_code == 0, result.output
    assert len(re.findall(r"^n_hidd=\d,seed=\d+   done   epoch 2   dev \d+\.\d\d%", result.output, re.MULTILINE)) == 4
    assert re.search(r"2 seeds each\.\nStarting workers …\nTraining …\nn_hidd", result.output)


def test_show_measures_the_chosen_setting_on_the_test_part(run, tmp_path):
    sweep = small_sweep(tmp_path / "runs", "n_hidd=2", base=replace(BASE, max_nr_sent=100)).begin()
    for training, left in zip(sweep.trainings(), ("2 trainings", "1 training"), strict=True):
        says = f"\n{left} missing: no setting is chosen yet, so none is measured on the test part."
        assert says in run("show", "small").output
        for _ in Run.create(training.name, training.settings, sweep.folder).fit():
            pass
    assert re.search(r"Chosen on dev: .* \(2 seeds\). On the test part, measured for this", run("show", "small").output)


@pytest.mark.daily("it starts workers twice")
def test_ctrl_c_stops_all_with_checkpoints_and_resume_goes_on(tmp_path):
    command = [COMMAND, "sweep", *SHORT, "--seeds", "2", "--epochs", "100000", "--name", "stopped"]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    while not any((tmp_path / "runs" / "stopped").glob("*/checkpoint.npz")):
        assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the workers get it too
    said, _ = process.communicate()
    assert process.returncode == 130, said
    assert "Stopped by Ctrl-C; continue with `lxmls-rnn sweep --resume stopped`" in said
    sweep = Sweep.load("stopped", tmp_path / "runs")
    begun = [Run.open(file.parent.name, sweep.folder) for file in sweep.folder.glob("*/checkpoint.npz")]
    epochs = max(len(run.metrics()) for run in begun) + 1  # few are left
    replace(sweep, base=sweep.base.changed(epochs=epochs)).save()
    done = subprocess.run([COMMAND, "sweep", "--resume", "stopped"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for training in sweep.trainings():
        assert len(Run.open(training.name, sweep.folder).metrics()) == epochs


@pytest.mark.daily("it starts workers twice")
def test_a_second_ctrl_c_while_workers_start_ends_at_once_and_resume_goes_on(tmp_path):
    command = [COMMAND, "sweep", *SHORT, "--seeds", "2", "--epochs", "2", "--name", "stopped", "--workers", "2"]
    hold_workers(tmp_path)
    process = psutil.Popen(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)}, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    while not (workers := workers_of(process)):
        assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)
    assert process.stderr.readline().startswith("Stopping after the current batches")
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate()[1]
    assert process.returncode == 130, said
    assert said == ""
    psutil.wait_procs(workers)
    done = subprocess.run([COMMAND, "sweep", "--resume", "stopped"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_show_prints_table_failures_and_what_is_chosen(run, tmp_path):
    sweep = with_runs(tmp_path / "my runs", by_size, "n_hidd=2,4", "clip=none", seeds=[1, 2])
    result = run("show", "small", "--root", "my runs")
    assert result.exit_code == 0
    assert table_of(result.output) == [
        ["n_hidd", "clip", "seeds", "dev", "sd", "epochs", ""],
        ["4", "none", "2/2", "41.90%", "0.71%", "4", ""],
        ["2", "none", "2/2", "21.90%", "0.71%", "4", ""],
    ]
    assert run("show", "my runs/small").output == result.output
    chosen = "Chosen on dev: n_hidd=4, clip=none with 41.90% ± 0.71% (2 seeds). The test part is not measured: "
    assert result.output.splitlines()[-1].startswith(chosen)  # and why: there are no models
    replace(sweep, failed={training.name: "no memory" for training in sweep.trainings()}).save()
    output = run("show", "small", "--root", "my runs").output
    assert output.count("\nn_hidd=4,clip=none,seed=2 failed: no memory\n") == 1
    assert output.endswith(
        "No setting has a training that is done: no setting is chosen yet, so none is measured on the test part.\n"
    )


def test_show_says_where_it_has_written(run, tmp_path):
    with_runs(tmp_path / "runs", by_size, "n_hidd=2,4", seeds=[1])
    assert run("show", "small", "--plot", "a.png").output.endswith(f"Picture: {tmp_path}/a.png\n")
    assert np.ptp(imread("a.png")) > 0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (99, "99 s"),
        (100, "2 min"),
        (5999, "100 min"),
        (6000, "1.7 h"),
    ],
)
def test_how_long_something_takes_is_said_with_few_digits(seconds, words):
    assert duration(seconds) == words


def test_what_came_of_a_training_is_a_line(tmp_path):
    done, other = read_all(with_runs(tmp_path, by_size, "n_hidd=2"))
    assert in_a_line(done, 1.26) == "n_hidd=2,seed=1   done   epoch 4   dev 21.40%   1.3 s"
    assert in_a_line(done, None) == "n_hidd=2,seed=1   done   epoch 4   dev 21.40%"
    failed = replace(other, state="failed", why="no memory")
    assert in_a_line(failed, None) == "n_hidd=2,seed=2   failed   no memory"
    assert in_a_line(replace(other, rows=[], state="begun"), None) == "n_hidd=2,seed=2   begun"


@pytest.fixture(scope="module")
def address():
    """The address of a cluster of threads: one worker that may train, and one that may not."""
    with cluster_of(1, 2) as cluster:
        yield cluster.scheduler_address


@pytest.fixture
def on_cluster(run, address, tmp_path, monkeypatch):
    """Call the command with the workers of a cluster."""
    monkeypatch.setenv("LXMLS_RUNS", str(tmp_path / "runs"))
    return lambda *args: run(*args, "--scheduler", address)


def test_a_sweep_tells_of_each_training_and_goes_on_with_what_is_added(on_cluster, tmp_path):
    result = on_cluster(*SHORT, "--vary", "n_hidd=2,3", "--epochs", "2", "--seed", "5", "--name", "width")
    assert result.exit_code == 0, result.output
    first, *lines, last = result.output.splitlines()
    assert first == "2 trainings: 2 settings with 1 seed each."
    assert last == f"The sweep is in {tmp_path}/runs/width: `lxmls-rnn sweep show width`."
    assert lines.count("The worker w1 does not train: it has 2 threads: start it with --nthreads 1.") == 1
    told = [line for line in lines if re.fullmatch(r"n_hidd=[23],seed=5   done   epoch 2   dev .*%   \d+\.\d s", line)]
    assert len(told) == 2
    sweep = Sweep.load("width", tmp_path / "runs")
    assert (sweep.base.corpus, sweep.base.dev) == ("sample", None)
    again = on_cluster("--resume", f"{tmp_path}/runs/width", "--seeds", "2", "--vary", "n_hidd=4")
    assert again.exit_code == 0, again.output
    assert again.output.startswith("6 trainings: 3 settings with 2 seeds each.\n2 of them are done already.\n")
    assert sorted(re.findall(r"^(n_hidd=\d,seed=\d)   done", again.output, re.MULTILINE)) == [
        "n_hidd=2,seed=6", "n_hidd=3,seed=6", "n_hidd=4,seed=5", "n_hidd=4,seed=6"
    ]  # fmt: skip
    assert Sweep.load("width", tmp_path / "runs").vary == {"n_hidd": [2, 3, 4]}
    shown = f"{tmp_path}/runs/width: `lxmls-rnn sweep show width`."
    assert again.output.endswith(f"The sweep is in {shown}\n")


def test_a_bar_shows_how_far_it_is_and_how_long_the_rest_takes(on_cluster, tmp_path, monkeypatch):
    shown = io.StringIO()
    monkeypatch.setattr("lxmls_rnn.cli.sweep.console", SafeConsole(file=shown, force_terminal=True, width=150))
    vectors = f"embeddings=none,{paths.data()}/sample/ppmi_30"
    assert on_cluster(*SHORT, "--vary", vectors, "--epochs", "1", "--name", "a").exit_code == 0
    assert Sweep.load("a", tmp_path / "runs").vary == {"embeddings": [None, "sample/ppmi_30"]}  # found on any machine
    *_, last = re.findall(r"training, 1 workers .* (\S+) (about \d+ s left)", Text.from_ansi(shown.getvalue()).plain)
    assert last == ("2/2", "about 0 s left")


def test_the_status_is_1_where_a_training_failed_and_0_where_one_diverged(on_cluster, tmp_path):
    options = ["--activation", "relu", "--epochs", "10", "--vary", "rate=0.1,1e300", "--name", "a"]
    result = on_cluster(*SHORT, *options)
    assert result.exit_code == 0, result.output
    assert re.search(r"^rate=1e\+300,seed=\d+   diverged   .*try a lower rate", result.output, re.MULTILINE)
    (folder,) = (tmp_path / "runs" / "a").glob("rate=0.1,*")
    os.truncate(folder / "checkpoint.npz", 100)
    result = on_cluster("--resume", "a")
    assert result.exit_code == 1
    assert f"{folder.name}   failed   {folder}" in result.output


@pytest.mark.daily("imports Dask in a process")
def test_dask_logs_nothing_once_the_sweep_is_over(tmp_path):
    arguments = ["sweep", *SHORT, "--seeds", "1", "--scheduler", "tcp://127.0.0.1:9"]  # no scheduler answers there
    code = "\n".join([
        "import logging, sys", "from typer.testing import CliRunner", "from lxmls_rnn.cli import app",
        f"CliRunner().invoke(app, {arguments})", "logging.getLogger('distributed.batched').warning('a late word')",
    ])  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_stopped_by_a_signal_it_says_how_to_go_on(on_cluster, address, tmp_path):
    ended = threading.Event()

    def strike():
        wait_until(lambda: ended.is_set() or list((tmp_path / "runs").glob("a/n_hidd=*")))
        if not ended.is_set():
            os.kill(os.getpid(), signal.SIGTERM)

    striker = threading.Thread(target=strike)
    striker.start()
    result = on_cluster(*SHORT, "--vary", "n_hidd=2", "--epochs", "10000", "--name", "a")
    ended.set()
    striker.join()
    assert result.exit_code == 143
    assert f"Stopped by SIGTERM; continue with `lxmls-rnn sweep --resume a --scheduler {address}`.\n" in result.output
    assert f"The sweep is in {tmp_path}/runs/a: `lxmls-rnn sweep show a`.\n" in result.output
