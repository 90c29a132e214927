"""Notebooks whose kernel is not ready: after a reload of the page, and right after a notebook is opened."""

import json
import re
import signal
import time

from browser.page import button, fill
from jupyter_server.services.kernels.connection.base import deserialize_msg_from_ws_v1
from playwright.sync_api import expect

CELLS = ["from lab import Answer, StepThroughPanel", "StepThroughPanel()", 'Answer("Why?")']
OPEN = ".jp-NotebookPanel:visible"


def test_panels_of_all_open_notebooks_are_there_after_a_reload(lab):
    names = [lab.write(*CELLS) for _ in range(3)]
    lab.open(names[0])
    for name in names:
        if name != names[0]:
            lab.page.goto(f"{lab.server.url}/lab/tree/{name}")
            expect(lab.page.locator(f"{OPEN} .jp-CodeCell")).to_have_count(len(CELLS))
            expect(lab.page.locator(".lm-DockPanel-tabBar .lm-mod-current")).to_contain_text(name)
            lab.page.locator(f"{OPEN} .cm-content").first.click()  # or the menu may act on the notebook shown before
            lab.wait_until_idle()
        lab.menu("Run", "Run All Cells")
        expect(lab.page.locator(f"{OPEN} .lab-Answer")).to_be_visible()
        lab.save()
    lab.reload()
    tabs = lab.page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab")
    expect(tabs).to_have_count(len(names))
    for number in range(len(names)):
        tabs.nth(number).click()
        expect(lab.page.locator(f"{OPEN} :is(.lab-Answer, .lab-StepThroughPanel)")).to_have_count(2)
    kinds = {kind for _, channel, kind, *_ in lab.messages.lines if channel == "control"}
    assert not [kind for kind in kinds if "subshell" in kind]  # which lose messages where a page is reloaded


def test_a_panel_that_was_just_shown_and_its_run_are_there_after_a_reload(lab):
    lab.open(lab.write("from lab import TrainingPanel\nTrainingPanel()"))
    lab.run_cell(0)
    panel = lab.find("TrainingPanel")
    expect(lab.page.locator(".jp-mod-dirty")).to_have_count(0)  # saved, though nobody has asked for it
    lab.reload()
    panel = lab.find("TrainingPanel")
    fill(panel, "Epochs", 1000)
    fill(panel, "Run name", "unsaved")
    button(panel, "Start").click()
    epochs = re.compile("^Epochs of unsaved:")  # the panel showed an earlier run's before
    expect(panel.get_by_role("table", name=epochs)).to_be_visible()
    lab.reload()
    panel = lab.find("TrainingPanel")
    expect(panel.get_by_role("table", name=epochs)).to_be_visible()
    expect(lab.page.locator(".jp-CodeCell .jp-InputPrompt").first).to_have_text("[1]:")


def test_a_cell_whose_reply_comes_after_its_end_is_saved_with_its_number(lab):
    # to the cells, held until the kernel has said that it is idle after them; two channels have no order
    replies, ended = {}, set()

    def late(socket):
        server = socket.connect_to_server()

        def pass_on(frame):
            channel, parts = deserialize_msg_from_ws_v1(frame) if isinstance(frame, bytes) else ("", [{}] * 2)
            header, request = (json.loads(part) if part else {} for part in parts[:2])
            if channel == "shell" and header["msg_type"] == "execute_reply" and request["msg_id"] not in ended:
                replies[request["msg_id"]] = frame
                return
            socket.send(frame)
            if channel == "iopub" and json.loads(parts[3]).get("execution_state") == "idle":
                ended.add(request.get("msg_id"))
                if reply := replies.pop(request.get("msg_id"), None):
                    socket.send(reply)

        server.on_message(pass_on)

    lab.page.route_web_socket(re.compile("/channels"), late)
    lab.reloaded = True  # nothing ends this: the page is for this test alone
    name = lab.write("from lab import Answer", 'Answer("Why?")')
    lab.open(name)
    lab.run_all()
    expect(lab.page.locator(".jp-mod-dirty")).to_have_count(0)
    cells = json.loads((lab.folder / name).read_text())["cells"]
    assert [cell["execution_count"] for cell in cells] == [1, 2]


def test_a_notebook_is_saved_once_for_all_panels_that_a_run_shows(lab):
    saves = []
    lab.page.on("request", lambda sent: sent.method == "PUT" and "/contents/" in sent.url and saves.append(sent))
    lab.page.clock.install()
    lab.reloaded = True  # a page with such a clock is for this test alone
    name = lab.write("from lab import Answer", *(f'Answer("{word}?")' for word in ("Why", "How", "When")))
    lab.open(name)
    lab.page.clock.pause_at(time.time() + 60)
    lab.menu("Run", "Run All Cells")
    prompts = lab.page.locator(".jp-CodeCell .jp-InputPrompt")
    while prompts.all_inner_texts()[:4] != [f"[{n}]:" for n in range(1, 5)]:
        lab.page.clock.run_for(1)  # of the page's second
        lab.page.wait_for_timeout(20)  # between two looks
    assert not saves
    lab.page.clock.run_for(1000)
    lab.page.clock.resume()
    expect(lab.page.locator(".jp-mod-dirty")).to_have_count(0)
    assert len(saves) == 1
    cells = json.loads((lab.folder / name).read_text())["cells"]
    assert [cell["execution_count"] for cell in cells] == [1, 2, 3, 4]


def test_a_panel_that_cannot_be_loaded_names_the_way_out(lab):
    name = lab.write(*CELLS)
    lab.open(name)
    lab.run_all()
    expect(lab.page.locator(".lab-Answer")).to_be_visible()
    lab.save()

    def silence(route):
        answer = route.fetch()
        silent = answer.text().replace("async _loadFromKernel(){", "async _loadFromKernel(){await new Promise(()=>{});")
        route.fulfill(response=answer, body=silent)

    lab.page.route(re.compile(r"jupyterlab-manager/static/.*\.js"), silence)
    lab.reload()
    places = lab.page.locator(".jp-OutputArea-output")
    expect(places).to_have_text(["Loading widget..."] * 2)
    begun = time.monotonic()
    expect(places).to_have_text([re.compile("Run this cell again")] * 2)
    print(f"told after {time.monotonic() - begun:.1f} s")
    lab.run_all()
    expect(lab.page.locator(".lab-Answer")).to_be_visible()
    expect(lab.page.get_by_text("Run this cell again")).to_have_count(0)


def test_a_widget_that_was_given_up_is_asked_for_again(lab):
    lab.open(lab.write(*CELLS))
    lab.run_all()
    expect(lab.page.locator(".lab-Answer")).to_be_visible()
    lab.save()
    asks = "t=await o.get_model(r.model_id)"
    gives_up = """if(!(window.asked??=new Set()).has(r.model_id)){
        window.asked.add(r.model_id);
        while(!o.restoredStatus)await new Promise(later=>setTimeout(later,50));
        throw Error("widget model not found")}"""

    def busy(route):
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace(asks, gives_up + asks))

    lab.page.route(re.compile(r"jupyterlab-manager/static/.*\.js"), busy)
    lab.reload()
    expect(lab.page.locator(".lab-Answer, .lab-StepThroughPanel")).to_have_count(2)
    assert any("widget model not found" in text for text in lab.complaints)


def test_panels_of_a_kernel_that_was_shut_down_name_the_way_out(lab):
    lab.open(lab.write(*CELLS))
    lab.run_all()
    lab.save()
    lab.end_kernels()
    lab.reload()
    expect(lab.page.get_by_text("Run this cell again")).to_have_count(2)


def test_panels_of_a_kernel_that_dies_say_so(lab, picture):
    lab.open(lab.write(*CELLS, "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"))
    for number in range(len(CELLS)):
        lab.run_cell(number)
    for name in ("StepThroughPanel", "Answer"):
        lab.find(name)  # or the kernel dies before the page has the panels
    lab.run_cell(len(CELLS))
    for name in ("StepThroughPanel", "Answer"):
        panel = lab.page.locator(f".lab-{name}.jupyter-widgets-disconnected")
        expect(panel).to_be_visible()
        assert "The kernel" in panel.evaluate("panel => getComputedStyle(panel, '::after').content")
    lab.page.locator(".jp-Dialog").get_by_role("button").last.click()
    notebook = lab.page.locator(".jp-NotebookPanel")
    picture(notebook, "kernel-ended")
    with lab.dark():
        picture(notebook, "kernel-ended-dark")


def test_every_cell_ends_though_the_server_stands_still_while_they_run(lab, server):
    notebook = json.loads((lab.folder / "02-experiments.ipynb").read_text())
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    lab.open(lab.write(*cells, "open('all-ran', 'w').close()"))
    prompts = lab.page.locator(".jp-CodeCell .jp-InputPrompt:not(.jp-Placeholder-prompt)")
    lab.menu("Run", "Run All Cells")
    expect(prompts.first).to_have_text("[1]:")
    server.process.send_signal(signal.SIGSTOP)
    try:
        # the kernel has run all cells, or waits for the server and says so
        while not (lab.folder / "all-ran").exists() and "flush timed out" not in server.log.read_text():
            lab.page.wait_for_timeout(20)  # between two looks
    finally:
        server.process.send_signal(signal.SIGCONT)
    for number in range(len(cells) + 1):
        expect(prompts.nth(number)).to_have_text(f"[{number + 1}]:")
    lab.wait_until_idle()


def test_cells_that_are_run_before_the_kernel_is_there_run_when_it_is(lab):
    held = []

    def hold(route):
        held.append(route) if route.request.method == "POST" else route.continue_()

    lab.page.route("**/api/sessions?*", hold)
    name = lab.write("1 + 1", "2 + 2")
    with lab.page.expect_request(lambda sent: sent.method == "POST" and "/api/sessions" in sent.url):
        lab.page.goto(f"{lab.server.url}/lab/tree/{name}?token={lab.server.token}&reset")
    expect(lab.page.locator(".jp-CodeCell")).to_have_count(2)
    lab.menu("Run", "Run All Cells")
    expect(lab.page.locator(".Toastify__toast")).to_contain_text("The kernel is starting: all cells run")
    for route in held:
        route.continue_()
    expect(lab.page.locator(".jp-OutputArea-executeResult")).to_have_count(2)
