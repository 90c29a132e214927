import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from classroom.marked import needs_isolation

from lxmls_rnn.classroom import isolation

# What an isolated process finds, as JSON.
PROBE = """
import json, os, socket, sys
from lxmls_rnn.classroom.isolation import enter
hidden, port, *files = sys.argv[1:]
enter([hidden])
written = []
for file in files:
    try:
        open(file, "a").close()
        written.append(file)
    except OSError:
        pass
try:
    socket.create_connection(("127.0.0.1", int(port)), 5)
    network = True
except OSError:
    network = False
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
seen = [os.path.join(top, name) for top, _, names in os.walk("/") if not top.startswith(("/proc", "/sys"))
        for name in names if name in ("isolation.py", "01-exercises.ipynb", "marks.csv")]
print(json.dumps({
    "written": written, "network": network, "seen": seen, "pid": os.getpid(),
    "processes": sum(name.isdigit() for name in os.listdir("/proc")), "capabilities": int(status["CapEff"], 16),
    "python": os.path.exists(sys.executable),
}))
"""


@needs_isolation
@pytest.mark.process
def test_an_isolated_process_sees_python_and_neither_files_nor_network(tmp_path):
    (tmp_path / "marks.csv").write_text("")
    tmp_path.chmod(0o777)
    (tmp_path / "marks.csv").chmod(0o666)
    checkout = Path(isolation.__file__).parents[2]
    files = [str(Path(isolation.__file__)), f"{sys.prefix}/x", str(tmp_path.parent / "x"), "/var/x", "/tmp/x"]
    # Python's folder stays visible; a file in it that any user may write to
    with tempfile.NamedTemporaryFile(dir=sys.prefix) as everyones, socket.create_server(("127.0.0.1", 0)) as server:
        os.chmod(everyones.name, 0o666)
        command = [*isolation.prefix(), sys.executable, "-I", "-c", PROBE, str(checkout), str(server.getsockname()[1])]
        command += [*files, everyones.name]
        done = subprocess.run(command, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    found = json.loads(done.stdout)
    assert (found["network"], found["seen"], found["capabilities"]) == (False, [], 0)
    assert found["python"]
    assert set(found["written"]) <= {"/tmp/x", "/var/x"}  # both in memory
    assert (found["pid"], found["processes"]) == (1, 1)
    assert not Path("/var/x").exists()
    assert not (tmp_path.parent / "x").exists()


def test_a_machine_without_unshare_says_so(monkeypatch):
    monkeypatch.setattr(isolation, "UNSHARE", ("no-such-command",))
    with pytest.raises(RuntimeError, match=r"no-such-command.* is not installed"):
        isolation.prefix()


def test_a_process_of_the_machine_itself_is_left_alone(monkeypatch):
    monkeypatch.setattr(isolation, "_call", lambda *arguments: pytest.fail(f"called {arguments}"))
    with pytest.raises(RuntimeError, match="only a process that unshare has started"):
        isolation.enter([])
