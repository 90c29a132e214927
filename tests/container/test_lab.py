"""The running lab as a student meets it."""

import json
import re
import time

import pytest

SENTENCE = "Theano uses the CPU, because the container has no NVIDIA driver"


def execute(lab, code, timeout=120):
    """Run code in a kernel of the server, through the address that it printed; return what it prints."""
    websocket = pytest.importorskip("websocket")  # a dependency of JupyterLab
    server, token = lab.address()
    kernels = ["curl", "-fsS", "--noproxy", "*", "-X", "POST", "-H", f"Authorization: token {token}"]
    kernel = json.loads(lab.call(*kernels, f"{server}/api/kernels").stdout)["id"]
    url = f"{server.replace('http', 'ws')}/api/kernels/{kernel}/channels?token={token}"
    socket = websocket.create_connection(url, timeout=timeout)
    header = {"msg_id": "1", "msg_type": "execute_request", "username": "", "session": "1", "version": "5.3"}
    content = {"code": code, "silent": False, "allow_stdin": False, "stop_on_error": True}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
    socket.send(json.dumps(message))
    printed, deadline = [], time.monotonic() + timeout
    while time.monotonic() < deadline:
        answer = json.loads(socket.recv())
        content = answer["content"]
        assert answer["msg_type"] != "error", "\n".join(content["traceback"])
        if answer["msg_type"] == "stream" and content["name"] == "stdout":
            printed.append(content["text"])
        if answer["msg_type"] == "execute_reply":
            socket.close()
            return "".join(printed)
    raise AssertionError(f"no reply within {timeout} s")


def test_the_page_opens_with_the_printed_token_and_not_without(lab):
    _, token = lab.address()
    status, page = lab.get("/lab", token)
    assert (status, "JupyterLab" in page) == (200, True)
    assert lab.get("/api/contents")[0] == 403
    assert lab.get("/api/contents", "0" * 48)[0] == 403


def test_the_log_says_why_there_is_no_gpu(lab):
    assert SENTENCE in lab.log()


def test_the_doctor_says_so_too(lab):
    screen = " ".join(lab.compose("exec", "-T", "lab", "lxmls-rnn", "doctor").stdout.split())
    assert SENTENCE in screen
    assert "compiled to C, ran, and gave the right result" in screen


def test_a_kernel_trains_an_rnn(lab):
    code = """
import theano, pygpu, lxmls_rnn
from lxmls_rnn.deep_learning.training import EpochDone, Trainer
from lxmls_rnn.experiment import Settings, corpus_files, prepare
train, dev, _ = map(str, corpus_files("sample"))
it = prepare(Settings(train, dev, model="RNN"))
for event in Trainer(epochs=1).fit(it.tagger.model, it.train, it.dev):
    if isinstance(event, EpochDone):
        print(type(it.tagger.model).__name__, event.epoch, event.dev_accuracy > 0.2)
"""
    assert execute(lab, code) == "RNN 1 True\n"


def test_the_first_notebook_runs_and_says_why_there_is_no_gpu(lab):
    command = "jupyter nbconvert --to notebook --execute --stdout --log-level ERROR lab/notebooks/00-welcome.ipynb"
    text = lab.compose("exec", "-T", "-e", "LXMLS_RUNS=/opt/lab/runs", "lab", *command.split()).stdout
    assert SENTENCE in text
    assert "epoch 10" in text
    assert "zebra*" in text


def test_each_start_has_a_token_of_its_own_unless_one_is_set(lab):
    before = lab.address()
    lab.up("--force-recreate")
    assert lab.address() != before
    lab.compose("up", "--detach", "--wait", LAB_TOKEN="chosen")
    assert lab.address()[1] == "chosen"
    assert lab.get("/api/contents", "chosen")[0] == 200
    lab.up()


def test_the_token_is_in_no_list_of_processes(lab):
    processes = lab.compose("exec", "-T", "lab", "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '").stdout
    assert "jupyter" in processes
    assert lab.address()[1] not in processes


def assert_no_privileges(lab, uid, service="lab"):
    """Check the first process of a service, and that it is the user's."""
    status = lab.compose("exec", "-T", service, "grep", "-E", "NoNewPrivs|Cap(Eff|Bnd)|Uid", "/proc/1/status").stdout
    assert re.search(r"NoNewPrivs:\s+1", status)
    assert re.search(r"CapEff:\s+0+\n", status)
    assert re.search(r"CapBnd:\s+0+\n", status)
    assert re.findall(r"\d+", status.splitlines()[0]) == [str(uid)] * 4


def test_it_has_no_privileges_and_only_this_machine_reaches_it(lab):
    assert_no_privileges(lab, lab.uid)
    ports = lab.call("docker", "port", lab.container()).stdout.splitlines()
    assert ports
    assert all("-> 127.0.0.1:" in line for line in ports)


def test_make_lab_starts_as_root_and_says_what_that_means(lab):
    """On a rented machine, or in a container."""
    command = "make lab ARGS=--no-browser & until python docker/healthcheck.py; do sleep 0.5; done; kill %1"
    options = ["--rm", "--user", "0", "--entrypoint", "timeout", lab.image, "60", "bash", "-c"]
    output = lab.call("docker", "run", *options, command, timeout=90).stdout
    assert "You are root: code in a notebook can change every file of this machine.\n" in output
    assert "/lab?token=" in output


def test_process_one_is_an_init_and_a_stop_is_quick(lab):
    assert lab.compose("exec", "-T", "lab", "cat", "/proc/1/comm").stdout.strip() == "tini"
    lab.compose("stop", "--timeout", "60", timeout=30)
    lab.up()
