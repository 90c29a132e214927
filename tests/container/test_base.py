"""The base that `make up` builds on, where a registry on loopback lacks the tags, and where none answers."""

import http.server
import json
import shutil
import subprocess
import threading

import pytest
from container.machine import ROOT, call

DEFAULT, PLAIN, OFFLINE = "nvidia/cuda:13.0.3-base-ubuntu22.04", "debian:12", "lxmls-rnn-base:debian12"
SMI = "#!/bin/sh\ncase $1 in *compute_cap) echo 9.0 ;; *) echo 'NVIDIA H100, 580.95.05' ;; esac\n"


class Registry(http.server.BaseHTTPRequestHandler):
    """A registry of images that has none."""

    def do_GET(self):
        known = self.path == "/v2/"
        answer = {} if known else {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(json.dumps(answer).encode())

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


SILENT = pytest.param("that does not answer", marks=pytest.mark.nightly("the same as a registry without the tags"))


@pytest.fixture(params=["without the tags", SILENT])
def registry(request):
    """The address of a registry."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry) as server:
        address = f"127.0.0.1:{server.server_port}"
        if request.param == "without the tags":
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield address
            server.shutdown()
            return
    yield address


@pytest.fixture
def make_up(engine, tmp_path, registry):
    """Call the script of `make up` in a checkout whose images are in the registry; its output, its status, .env."""
    for name in ("scripts/gpu.sh", "docker/offline-base.sh"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    script = tmp_path / "scripts" / "gpu.sh"
    text = script.read_text()
    assert f"default={DEFAULT}" in text
    assert f"plain={PLAIN}" in text
    script.write_text(
        text.replace(f"={DEFAULT}", f"={registry}/{DEFAULT}").replace(f"={PLAIN}", f"={registry}/{PLAIN}")
    )
    (tmp_path / "bin").mkdir()

    def call_it(has_gpu=False, **environ):
        if has_gpu:
            (tmp_path / "bin" / "nvidia-smi").write_text(SMI)
            (tmp_path / "bin" / "nvidia-smi").chmod(0o755)
        path = f"{tmp_path / 'bin'}:/usr/sbin:/usr/bin:/sbin:/bin"
        done = call(script, "base", check=False, env={"PATH": path, **environ})
        env = tmp_path / ".env"
        return done.returncode, done.stdout, env.read_text() if env.exists() else ""

    return call_it


@pytest.fixture
def plain(engine, registry, base):
    """Debian 12 under the name that it has in the registry, as if it had been pulled."""
    name = f"{registry}/{PLAIN}"
    subprocess.run(["docker", "tag", base, name], check=True)
    yield name
    subprocess.run(["docker", "rmi", name], check=True, stdout=subprocess.DEVNULL)


def test_without_the_cuda_base_a_gpu_gets_cuda_from_packages(make_up, plain):
    status, output, env = make_up(has_gpu=True)
    assert (status, env) == (0, f"BASE_IMAGE={plain}\nCUDA=wheels\n"), output
    assert f"The base is {plain}, with CUDA from packages" in output


def test_without_a_gpu_it_is_debian_from_the_start(make_up, plain):
    status, output, env = make_up()
    assert (status, env) == (0, f"BASE_IMAGE={plain}\n"), output
    assert DEFAULT not in output


def test_without_any_image_it_is_made_of_debian_s_packages(make_up, base):
    status, output, env = make_up()
    assert (status, env) == (0, f"BASE_IMAGE={OFFLINE}\n"), output
    assert call("docker", "image", "inspect", OFFLINE).returncode == 0


def test_an_image_that_is_named_and_cannot_be_pulled_is_one_sentence(make_up, registry):
    for name in ("LAB_IMAGE", "BASE_IMAGE"):
        status, output, env = make_up(**{name: f"{registry}/other:1"})
        assert (status, env) == (1, "")
        assert f"{name}={registry}/other:1 cannot be pulled: check its name, or remove {name}" in output
