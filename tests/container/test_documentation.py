"""The commands of the documentation: README's in a fresh container, the others typed into a terminal of the lab."""

import json
import re
import shlex
import shutil

import pytest
from documentation import EVERYWHERE, EWT, blocks_of, copy_ewt

README, *OTHERS = blocks_of(EVERYWHERE)
# README's commands and a training of the other models; the modules in the cache before and after.
FRESH = f"""
count() {{ ls -d cache/theano/*/tmp* | wc -l; }}
before=$(count)
{"".join(block.script for block in README.values[0])}
for model in LSTM FastRNN FastLSTM; do lxmls-rnn train sample --model $model --max-nr-sent 50 --epochs 1; done
echo "modules: $before $(count)"
"""


class Terminal:
    """A terminal of the server, as JupyterLab opens it."""

    def __init__(self, lab):
        websocket = pytest.importorskip("websocket")  # a dependency of JupyterLab
        server, token = lab.address()
        ask = ["curl", "-fsS", "--noproxy", "*", "-H", f"Authorization: token {token}", "-d", '{"cwd": ""}']
        name = json.loads(lab.call(*ask, f"{server}/api/terminals").stdout)["name"]
        url = f"{server.replace('http', 'ws')}/terminals/websocket/{name}?token={token}"
        self.socket = websocket.create_connection(url)

    def run(self, script):
        """Type the command that runs a script; return its status and what the terminal shows meanwhile."""
        self.socket.send(json.dumps(["stdin", f"bash -c {shlex.quote(script)}; echo status: $?\r"]))
        shown = ""
        while not (status := re.search(r"\nstatus: (\d+)", shown)):
            kind, *text = json.loads(self.socket.recv())
            shown += text[0] if kind == "stdout" else ""
        return int(status[1]), shown


def test_readmes_commands_run_in_a_fresh_container_and_compile_nothing(lab):
    """Counted, not timed."""
    shown = lab.run("bash", "-ec", FRESH).stdout
    ((before, after),) = re.findall(r"^modules: (\d+) (\d+)$", shown, re.MULTILINE)  # among the commands' trace
    assert int(before) == int(after) > 100


@pytest.mark.parametrize("found", OTHERS)
def test_the_commands_of_a_page_run_in_a_terminal(lab, found):
    terminal = Terminal(lab)
    for block in found:
        status, shown = terminal.run(block.script)
        assert status == 0, f"{block}\n{shown}"


@pytest.mark.parametrize("found", blocks_of(EWT))
def test_the_commands_of_a_page_on_real_english_run_in_a_terminal(lab, found, ewt_dir):
    copy_ewt(ewt_dir, lab.folder / "data")
    try:
        test_the_commands_of_a_page_run_in_a_terminal(lab, found)
    finally:
        shutil.rmtree(lab.folder / "data" / "ewt")
