"""The commands of the documentation, typed into a terminal of the lab."""

import json
import re
import shlex
import shutil

import pytest
from documentation import EVERYWHERE, EWT, blocks_of, copy_ewt


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


@pytest.mark.parametrize("found", blocks_of(EVERYWHERE))
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
