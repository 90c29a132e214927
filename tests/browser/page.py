"""What a person does with the lab in a browser."""

import http.client
import json
import re
import secrets
import shutil
import socket
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from functools import partial

from browser.window import SIZE
from environment import HANG_SECONDS
from jupyter_server.services.kernels.connection.base import deserialize_msg_from_ws_v1
from playwright.sync_api import expect

expect.set_options(timeout=1000 * HANG_SECONDS)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A server that runs: its address, its token, its process and log if it is here, and how to ask its interface."""

    def __init__(self, url, token, process=None, log=None):
        self.url, self.token, self.process, self.log = url, token, process, log

    @classmethod
    @contextmanager
    def start(cls, command, port_option, folder, environ, base=""):
        port, token = free_port(), secrets.token_hex(8)
        with open(folder / f"server-{port}.log", "wb") as log:
            process = subprocess.Popen(
                [*map(str, command), f"{port_option}={port}", "--IdentityProvider.token=" + token],
                cwd=folder, env=environ, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
            server = cls(f"http://127.0.0.1:{port}{base}", token, process, folder / f"server-{port}.log")
            try:
                while not server.answers():
                    assert process.poll() is None, server.log.read_text()
                    time.sleep(0.1)  # between two questions
                server.said_at_start = server.log.read_text()
                yield server
            finally:
                process.terminate()
                process.wait(HANG_SECONDS)

    def answers(self):
        try:
            return bool(self.ask("api"))
        except (OSError, http.client.HTTPException):
            return False

    def ask(self, path, method="GET", **headers):
        headers["Authorization"] = f"token {self.token}"
        request = urllib.request.Request(f"{self.url}/{path}", method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=HANG_SECONDS) as answer:
            return answer.read()


# what JupyterLab's side of each kernel still waits for: a future whose state is 7 has its reply, was idle and is done
KERNELS = """() => [...(window.jupyterapp?.shell.widgets("main") ?? [])].map(({ context, content }) => {
    const kernel = context?.sessionContext?.session?.kernel;
    const brief = ({ header }) => `${header.msg_type} ${header.msg_id}`;
    return [context?.path, kernel?.id, kernel?.status, kernel?.connectionStatus, kernel?._kernelSession,
        "futures", [...(kernel?._futures ?? [])].map(([id, future]) => `${future._status} ${brief(future.msg)}`),
        "pending", (kernel?._pendingMessages ?? []).map(brief),
        "cells", (content?.widgets ?? []).map(({ model, outputArea }) =>
            `${model.executionCount} ${model.executionState} ${outputArea?.future?.msg.header.msg_id}`)];
})"""

# The status bar may stay at "No Kernel" after another notebook was closed: it is asked only of a lab that is not ours.
IS_IDLE = r"""() => {
    if (!window.jupyterapp) return /\| Idle/.test(document.querySelector("#jp-main-statusbar")?.textContent);
    const context = jupyterapp.shell.currentWidget?.context?.sessionContext;
    const kernel = context?.session?.kernel;
    return context?.isReady && kernel?.connectionStatus === "connected" && kernel.status === "idle";
}"""

# the command is there once the lab has started, which a test before may not have waited for
OPEN = """async path => {
    await jupyterapp.restored;
    await jupyterapp.commands.execute("docmanager:open", { path });
}"""

CLOSE = """() => [...(window.jupyterapp?.shell.widgets("main") ?? [])].forEach(tab => {
    if (tab.context) tab.context._handleError = () => {};
    tab.dispose();
})"""


class Messages:
    """The messages between the kernels and a page, each as a line: its way, type, id, its parent's id, what it says."""

    def __init__(self, page):
        self.lines = []
        page.on("websocket", self._follow)

    def _follow(self, websocket):
        for event, way in (("framesent", "to kernel"), ("framereceived", "to page")):
            websocket.on(event, partial(self._note, way))

    def _note(self, way, frame):
        if isinstance(frame, bytes):
            channel, parts = deserialize_msg_from_ws_v1(frame)
            header, parent, _, content = map(json.loads, parts[:4])
            data = content.get("data")
            method = data.get("method") if isinstance(data, dict) else None
            says = content.get("execution_state") or method or ""
            self.lines.append((way, channel, header["msg_type"], header["msg_id"], parent.get("msg_id", ""), says))

    def unanswered(self):
        """Requests whose end the page was not told."""
        ended = {parent for *_, parent, says in self.lines if says == "idle"}
        return [line for line in self.lines if line[:2] == ("to kernel", "shell") and line[3] not in ended]


class LabPage:
    """JupyterLab in a window."""

    def __init__(self, page, server, folder):
        self.page, self.server, self.folder = page, server, folder
        page.set_default_timeout(1000 * HANG_SECONDS)
        self.reloaded = False  # JupyterLab then opens a notebook a second time, no one knows when
        self.messages = Messages(page)
        self.complaints = []  # errors and warnings in the browser's console
        page.on("console", self._hear)
        page.on("pageerror", self._fail)

    def _hear(self, said):
        # what JupyterLab says on a busy machine, where it scrolls and where it starts
        busy = re.match(r"Item with index \d+ did not appear|Plugin .* to activate", said.text)
        if said.type in ("error", "warning") and not busy:
            self.complaints.append(said.text)

    def _fail(self, error):
        # anywidget gives up after two seconds to receive messages for the panels' own code, of which there are none;
        # the other one is a save of a closed notebook
        if str(error) not in ("[anywidget] Failed to initialize model.", "Disposed"):
            self.complaints.append(str(error))

    def write(self, *cells, name=None):
        """Make a notebook of code cells."""
        name = name or f"test-{secrets.token_hex(4)}.ipynb"
        cells = [
            {
                "cell_type": "code",
                "id": f"cell-{n}",
                "metadata": {},
                "source": text,
                "outputs": [],
                "execution_count": None,
            }
            for n, text in enumerate(cells)
        ]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
        (self.folder / name).write_text(json.dumps(notebook))
        (self.folder / name).chmod(0o666)  # the server may run as another user
        return name

    def open(self, name):
        """Open a notebook and wait for its kernel."""
        self.page.goto(f"{self.server.url}/lab/tree/{name}?token={self.server.token}&reset")
        expect(self.page.locator(".jp-NotebookPanel")).to_be_visible()
        self.wait_until_idle()

    def reload(self):
        """Reload the page."""
        self.reloaded = True
        self.page.reload()

    def wait_until_idle(self):
        """Wait until the kernel of the notebook in front is idle, and keys and menus act on that notebook."""
        self.page.wait_for_function(IS_IDLE)

    def menu(self, name, *entries):
        self.page.get_by_role("menuitem", name=name, exact=True).click()
        for entry in entries:
            self.page.locator(".lm-Menu-itemLabel").get_by_text(entry, exact=True).click()

    def run_all(self):
        """Run every cell and wait until all have run, also those that had run before."""
        prompts = self.page.locator(".jp-CodeCell .jp-InputPrompt:not(.jp-Placeholder-prompt)")  # not of folded code
        before = prompts.all_inner_texts()
        self.menu("Run", "Run All Cells")
        for number, text in enumerate(before):
            done = re.compile(rf"^(?!{re.escape(text)}$)\[\d+\]:$")
            expect(prompts.nth(number)).to_have_text(done)
        self.wait_until_idle()

    def run_cell(self, number):
        """Run one cell, the first is 0, as a person does: click into it, Shift-Enter."""
        self.page.locator(".jp-CodeCell .cm-content").nth(number).click()
        self.page.keyboard.press("Shift+Enter")

    def panel(self, name, nth=0):
        """Show a notebook with one panel; return it. A page that shows the lab need not be loaded again for that."""
        notebook = self.write(f"from lab import {name}", f"{name}()")
        if self.page.evaluate("() => 'jupyterapp' in window"):
            self.close_all()
            prompts = self.page.locator(".jp-CodeCell .jp-InputPrompt")
            expect(prompts).to_have_count(0)
            self.complaints.clear()  # late ones of the notebooks before
            self.page.evaluate(OPEN, notebook)
            expect(prompts).to_have_text(["[ ]:"] * 2)  # or those of a notebook before would be awaited
            self.wait_until_idle()
        else:
            self.open(notebook)
        self.run_all()
        return self.find(name, nth)

    def find(self, name, nth=0):
        """Return a panel on the page by its class, when all of its parts are there."""
        found = self.page.locator(f".lab-{name}").nth(nth)
        expect(found).to_be_visible()
        # until a part is there, its box holds an empty place for it
        expect(found.locator(".widget-box > [class='lm-Widget']")).to_have_count(0)
        return found

    @contextmanager
    def dark(self):
        """Use the dark theme for a while: the server keeps it for the tests to come."""
        for name, light in (("JupyterLab Dark", "false"), ("JupyterLab Light", "true")):
            self.menu("Settings", "Theme", name)
            expect(self.page.locator("body")).to_have_attribute("data-jp-theme-light", light)
            expect(self.page.locator("#jupyterlab-splash")).to_have_count(0)
            if light == "false":
                yield

    def save(self):
        """Save the notebook until nothing of it is unsaved; JupyterLab ignores the keys while it saves."""
        while self.page.locator(".jp-mod-dirty").count():
            self.page.keyboard.press("Control+s")
            self.page.wait_for_timeout(20)  # between two looks

    def clear(self):
        """Close all notebooks and end their kernels, so that the next test has page and machine to itself."""
        self.page.unroute_all()
        self.page.set_viewport_size(SIZE)
        self.close_all()
        self.end_kernels()
        self.complaints.clear()

    def keep(self, folder):
        """Write down the messages, the server's log and what the page waits for; return that and what has no answer."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "messages.txt").write_text("\n".join(map(" ".join, self.messages.lines)))
        state = "" if self.page.is_closed() else json.dumps(self.page.evaluate(KERNELS), indent=1)
        (folder / "kernels.json").write_text(state)
        if self.server.log:
            shutil.copy(self.server.log, folder / "server.log")
        last = map(" ".join, self.messages.lines[-5:])
        return "\n".join([*map(" ".join, self.messages.unanswered()), state, *self.complaints, *last])

    def close_all(self):
        """Close all notebooks, without JupyterLab's dialog about one that it is saving."""
        self.page.evaluate(CLOSE)

    def end_kernels(self):
        for kernel in json.loads(self.server.ask("api/kernels")):
            self.server.ask(f"api/kernels/{kernel['id']}", "DELETE")


def button(panel, name):
    """A button of a panel by its words; an icon before them counts as a sign."""
    return panel.get_by_role("button", name=re.compile(rf"^\W*{re.escape(name)}$"))


def download(panel, file, folder):
    """Press Export, follow the link to a file, save it into a folder; return its content."""
    button(panel, "Export").click()
    with panel.page.expect_download() as waiting:
        panel.get_by_role("link", name=f"Save {file}").click()
    assert waiting.value.suggested_filename == file
    waiting.value.save_as(folder / file)
    return (folder / file).read_bytes()


def message(panel):
    """The line of a panel that says what happened."""
    return panel.locator(".lab-message")


def press(control, key):
    """Press a key on a control as soon as it can be used; Playwright's own press and focus do not wait for that."""
    expect(control).to_be_enabled()
    control.press(key)


def fill(panel, label, value):
    """Put a value into a field by its label, as a person does: select, type, Enter."""
    box = panel.get_by_label(label, exact=True).and_(panel.locator("input, textarea"))  # not a slider's handle
    box.fill(str(value))
    box.press("Enter")


def wait_until_in_sight(part):
    """Wait until a part of a panel is not hidden to the left or right of its scrolling box, or by row names."""
    part.page.wait_for_function(
        """part => {
            const { left, right } = part.getBoundingClientRect();
            const box = part.closest(".lab-scroll").getBoundingClientRect();
            const name = part.closest("tr").querySelector("th")?.getBoundingClientRect().right ?? 0;
            return Math.max(box.left, name) - 1 <= left && right <= box.right + 1;
        }""",
        arg=part.element_handle(),
    )


def overflowing(page, panel):
    """Texts of a panel that are cut off or stick out of it to the right."""
    return panel.evaluate(
        """panel => {
            const right = panel.getBoundingClientRect().right;
            const cut = [];
            const names = "label, button, .lm-TabBar-tabLabel";
            for (const part of panel.querySelectorAll(`${names}, .widget-html-content > *, h3`)) {
                const box = part.getBoundingClientRect();
                if (!box.width || part.closest(".lab-scroll") || part.closest("svg")) continue;
                if (box.right > right + 1) cut.push("sticks out: " + part.innerText.slice(0, 60));
                if (part.matches(names) && part.scrollWidth > part.clientWidth + 1)
                    cut.push("cut off: " + part.innerText.slice(0, 60));
            }
            return cut;
        }"""
    )
