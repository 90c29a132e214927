"""Messages of a real kernel whose reader stands still, and of one whose threads make and close widgets."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import zmq
from jupyter_client.manager import KernelManager
from traitlets.config.loader import PyFileConfigLoader

import lab

CONFIG = PyFileConfigLoader("jupyter_config.py", str(Path(lab.__file__).parent / "jupyter")).load_config()
MANY = 1500  # ZeroMQ keeps 1,000 for a reader, and ipykernel another 1,000 for ZeroMQ

SEND = f"""
import comm
sender = comm.create_comm(target_name="none")
for n in range({MANY}):
    sender.send("x" * 10_000)
"""

THREAD = """
import threading
import time
import ipywidgets as widgets
import lab.widgets
kept = [widgets.HTML() for _ in range(100)]
def work():
    while True:
        widgets.HTML().close()
        time.sleep(0.002)  # the kernel has to answer, too
threading.Thread(target=work, daemon=True).start()
"""


@pytest.fixture
def folder():
    """One whose name is short: that of a socket may have 107 bytes."""
    with TemporaryDirectory(dir="/tmp") as name:
        yield Path(name)


@pytest.fixture
def kernel(folder, request):
    """A client of a kernel; `request.param` says whether the lab's server starts it."""
    of_lab = {"kernel_spec_manager": CONFIG.ServerApp.kernel_spec_manager_class()} if request.param else {}
    context = zmq.Context()
    context.rcvhwm = 1  # messages that wait at the reader
    manager = KernelManager(context=context, transport="ipc", connection_file=str(folder / "c.json"), **of_lab)
    manager.start_kernel(cwd=folder)
    client = manager.client()
    client.start_channels()
    client.wait_for_ready()
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    context.destroy(linger=0)


def until_idle(client, request):
    """Yield the messages of a request until the last."""
    while True:
        message = client.get_iopub_msg()
        if message["parent_header"].get("msg_id") == request:
            if message["content"].get("execution_state") == "idle":
                return
            yield message


@pytest.mark.daily("starts kernels")
@pytest.mark.parametrize("kernel", [True, False], ids=["of the lab", "elsewhere"], indirect=True)
def test_all_output_arrives_though_nobody_reads_it_for_a_while(kernel, request):
    if "elsewhere" in request.node.name:
        list(until_idle(kernel, kernel.execute("import lab.widgets")))
    run = kernel.execute(SEND)
    while kernel.get_shell_msg()["parent_header"].get("msg_id") != run:
        pass
    messages = [message["msg_type"] for message in until_idle(kernel, run)]
    assert messages.count("comm_msg") == MANY


@pytest.mark.daily("starts a kernel")
@pytest.mark.parametrize("kernel", [True], indirect=True)
def test_a_page_is_told_all_widgets_while_a_thread_makes_and_closes_some(kernel):
    list(until_idle(kernel, kernel.execute(THREAD)))
    target = {"comm_id": "page", "target_name": "jupyter.widget.control", "data": {}}
    opened = kernel.session.msg("comm_open", target, metadata={"version": "1.0.0"})
    kernel.shell_channel.send(opened)
    list(until_idle(kernel, opened["header"]["msg_id"]))
    for _ in range(10):
        asked = kernel.session.msg("comm_msg", {"comm_id": "page", "data": {"method": "request_states"}})
        kernel.shell_channel.send(asked)
        answers = [
            one["content"]["data"]
            for one in until_idle(kernel, asked["header"]["msg_id"])
            if one["msg_type"] == "comm_msg"
        ]
        assert len(answers[0]["states"]) >= 100
        reply = kernel.comm_info(reply=True)
        assert len(reply["content"]["comms"]) >= 100
