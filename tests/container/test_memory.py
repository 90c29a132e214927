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

NOTEBOOK = f"""
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel()
client.execute_interactive('''{PANEL}''')
client.execute("b'x' * (1 << 30)")
while manager.is_alive():
    pass
manager.restart_kernel(now=True)
client.wait_for_ready()
client.execute_interactive("from lab import TrainingPanel; print('later:', TrainingPanel().message.value)")
manager.shutdown_kernel()
"""

SCRIPT = f"""
lxmls-rnn train sample --n-hidd 6000 --root /tmp/runs && exit 1
export LXMLS_RUNS=/tmp/runs
python - <<'END'
{NOTEBOOK}
END
"""


def test_a_model_that_is_too_large_is_refused_and_a_kill_is_told(lab):
    options = ["--memory", "512m", "--memory-swap", "512m", "--entrypoint", "bash"]
    output = call("docker", "run", "--rm", *options, lab.image, "-c", SCRIPT).stdout
    said = "Error", "at first", "panel", "later"  # and not what the kernel's own log says
    command, first, panel, later = (line for line in output.splitlines() if line.startswith(said))
    assert command.startswith("Error: not enough memory: a model with ")
    assert "MB are free here" in command
    assert first == "at first: "
    assert 'class="lab-error">not enough memory: a model with ' in panel
    assert later.startswith("later: ")
    assert "Linux killed a process for lack of memory, probably this kernel" in later
