"""A container of 512 MB: what does not fit is refused in a sentence, and a kill is told afterwards."""

from container.machine import call

PANEL = """
from lab import TrainingPanel
from lab.panels.training.job import training_jobs
panel = TrainingPanel()
print("at first:", panel.message.value)
panel.model["model"].value, panel.model["n_hidd"].value = "FastLSTM", 3000
panel.attempt(panel.start)
training_jobs.find(panel.folder()).wait()
print("panel:", panel.message.value)
"""

SCRIPT = f"""
lxmls-rnn train sample --n-hidd 6000 --root /tmp/runs && exit 1
export LXMLS_RUNS=/tmp/runs
python -c '{PANEL}'
python -c "b'x' * (1 << 30)" || echo "killed: $?"
python -c '{PANEL}' | grep "at first"
"""


def test_a_model_that_is_too_large_is_refused_and_a_kill_is_told(lab):
    options = ["--memory", "512m", "--memory-swap", "512m", "--entrypoint", "bash"]
    output = call("docker", "run", "--rm", *options, lab.image, "-c", SCRIPT).stdout
    command, first, panel, killed, later = (line for line in output.splitlines() if line and "Killed" not in line)
    assert command.startswith("Error: not enough memory: a model with ")
    assert "MB are free here" in command
    assert first == "at first: "
    assert 'class="lab-error">not enough memory: a model with ' in panel
    assert killed == "killed: 137"
    assert "at first: " in later
    assert "Memory ran out, and Linux killed a process" in later
