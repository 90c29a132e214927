"""The running lab as a student meets it."""

import json
import re

from container.machine import started

SENTENCE = "Theano uses the CPU, because the container has no NVIDIA driver"


def test_the_page_opens_with_the_printed_token_and_not_without(lab):
    _, token = lab.address()
    status, page = lab.get("/lab", token)
    assert (status, "JupyterLab" in page) == (200, True)
    for path in ("/site/docs/glossary.html", "/docs/glossary.md"):
        assert "<h1>Glossary" in lab.get(path, token)[1]
        assert "<h1>Glossary" not in lab.get(path)[1]  # the login
    assert lab.get("/site/docs/answers.html", token)[0] == 404
    assert lab.get("/api/contents")[0] == 403
    assert lab.get("/api/contents", "0" * 48)[0] == 403


def test_the_log_and_the_doctor_say_why_there_is_no_gpu(lab):
    assert SENTENCE in lab.log()
    assert "Warning" not in lab.log()
    screen = " ".join(lab.compose("exec", "-T", "lab", "lxmls-rnn", "doctor").stdout.split())
    assert SENTENCE in screen
    assert "compiled to C, ran, and gave the right result" in screen


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
    options = ["--rm", "--user", "0", "--entrypoint", "bash", lab.image, "-ec"]
    output = lab.call("docker", "run", *options, started("make lab ARGS=--no-browser")).stdout
    assert "You are root: code in a notebook can change every file of this machine.\n" in output
    assert "/lab?token=" in output


def test_a_stop_ends_the_server_and_each_start_has_a_token_of_its_own_unless_one_is_set(lab):
    before = lab.address()
    assert lab.compose("exec", "-T", "lab", "cat", "/proc/1/comm").stdout.strip() == "tini"
    lab.compose("stop", "--timeout", "-1")  # without an end
    (state,) = json.loads(lab.call("docker", "inspect", "--format", "[{{json .State}}]", lab.container("--all")).stdout)
    assert (state["Status"], state["ExitCode"]) == ("exited", 0)  # of a killed one 137
    lab.compose("up", "--detach", "--wait", LAB_TOKEN="chosen")
    assert lab.address()[1] == "chosen"
    assert lab.get("/api/contents", "chosen")[0] == 200
    lab.up()
    assert lab.address()[1] not in (before[1], "chosen")
