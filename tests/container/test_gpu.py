"""The image for a GPU, without one: CUDA from packages or a base, a driver that sees no device, an emulated GPU."""

import hashlib
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from container.machine import ROOT, build, call, emulate, make_base, wait_for

WHEELS = "lxmls-rnn-lab:test-wheels"
NO_DEVICE = """
int cuInit(unsigned flags) { return flags + 100; }
int cuDeviceGetCount(int *count) { *count = 0; return 100; }
int cuDriverGetVersion(int *version) { *version = 12020; return 0; }
"""
# Asks as libgpuarray does for a device of compute capability 12.0, which the driver does not confirm here.
CUDA_OK = """
import ctypes, sys
sys.path.append("tests/gpu")
import nvrtc
compiler, cublas, number = nvrtc.Nvrtc("libnvrtc.so"), ctypes.CDLL("libcublas.so"), ctypes.c_int()
ptx = compiler.compile('extern "C" __global__ void k(float *x) { x[threadIdx.x] *= 2; }', ["-arch", "compute_12"])
print("NVRTC", *compiler.version, ptx.split(b".target ")[1].split()[0].decode())
print("cuBLAS", *(cublas.cublasGetProperty(which, ctypes.byref(number)) or number.value for which in range(3)))
"""
# Every Theano model; the C modules before and after, and the GPU's kernels.
TRAIN = """
count() { find cache/theano -name key.pkl | wc -l; }
kernels() { find cache/gpu -path '*nvrtc*' -type f | wc -l; }
before=$(count)
python -m lxmls_rnn.theano_env.kernels
ahead=$(kernels)
begun=()
for model in RNN LSTM FastRNN FastLSTM; do
    for options in '' '--batch-size 8 --clip 5'; do
        lxmls-rnn train sample --model $model --epochs 1 --max-nr-sent 16 --root /tmp/runs --name "$model$options" \
            --dtype float32 $options
    done & begun+=($!)
done
for each in "${begun[@]}"; do wait "$each"; done
echo "$before $(count) $ahead $(kernels) $(ls cache/kernels/*.cu | wc -l)"
"""


# A step of the build: libraries of a newer CUDA, which cannot be used, where PyTorch's packages have theirs.
NEWER_CUDA = r"""
RUN cd .venv/lib/python3*/site-packages && mkdir -p nvidia/cu13/lib && for name in nvrtc cublas cublasLt; do \
        gcc -shared -x c /dev/null -Wl,-soname,lib$name.so.13 -o nvidia/cu13/lib/lib$name.so.13; \
    done
"""
# NVRTC 12.9 of this machine
NVRTC = Path(sysconfig.get_paths()["purelib"], "nvidia", "cuda_nvrtc", "lib")
# What needs pygpu, which only the image has, and NVRTC.
PYGPU_TESTS = [
    f"tests/gpu/test_{name}.py"
    for name in ("gpu_on_device", "theano_kernels_compile", "gpu_lost", "kernels_ahead", "memory")
]
PYTEST = ["python", "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider"]


def run(*command, options=(), check=True, image=WHEELS):
    return call("docker", "run", "--rm", *options, image, *command, check=check).stdout


CUDA_IMAGE = pytest.mark.nightly("on an image with CUDA from packages, which takes minutes to build")
CUDA_BASE = pytest.mark.nightly("the same steps on a base with CUDA, for which a stand-in is built")


@pytest.fixture(scope="module")
def wheels(lab, base, tmp_path_factory):
    """The image with CUDA from packages, and with the newer one that comes with PyTorch."""
    if "cuda" in base:
        pytest.skip("the base has a CUDA of its own")
    dockerfile = lab.folder / "docker" / "Dockerfile"
    text = dockerfile.read_text()
    stage = "FROM packages AS cuda\n"
    assert stage in text
    dockerfile.write_text(text.replace(stage, stage + NEWER_CUDA))
    try:
        build(lab, tmp_path_factory.mktemp("wheels"), WHEELS, CUDA="wheels")
    finally:
        dockerfile.write_text(text)
    size = call("docker", "image", "inspect", "--format", "{{.Size}}", WHEELS).stdout
    lab.figures["image with CUDA from packages"] = f"{int(size) / 1e9:.2f} GB"
    return WHEELS


@pytest.fixture(scope="module")
def emulated(wheels, tmp_path_factory):
    """The emulated GPU for the image with CUDA from packages; its driver is in a folder mounted by hand."""
    return emulate(wheels, tmp_path_factory.mktemp("emulated"))


def as_options(emulated):
    volumes = [f"--volume={volume}" for volume in emulated["volumes"]]
    return volumes + [f"--env={name}={value}" for name, value in emulated["environment"].items()]


@CUDA_IMAGE
def test_cuda_from_packages_is_what_the_lock_names_and_compiles_for_a_newer_gpu(wheels):
    """Also beside the CUDA that PyTorch brings."""
    assert run("python", "-c", CUDA_OK).splitlines()[-2:] == ["NVRTC 12 2 sm_90", "cuBLAS 12 9 1"]
    assert run("ls", "-A", "/home/lab/.cache", "/tmp").split() == ["/home/lab/.cache:", "matplotlib", "/tmp:"]


@CUDA_IMAGE
@pytest.mark.parametrize(
    ("place", "root"),
    [
        ("/usr/lib/x86_64-linux-gnu", ["--read-only"]),
        ("/usr/lib64", []),
        ("/opt/driver", ["--read-only"]),
        ("/usr/local/nvidia/lib64", []),
    ],
)
def test_a_driver_without_a_device_is_found_wherever_it_lies(wheels, tmp_path, place, root):
    """As a file, where NVIDIA's runtime puts it; and the folder of the host's."""
    tmp_path.chmod(0o755)
    library = tmp_path / "libcuda.so.1"
    command = ["gcc", "-shared", "-fPIC", "-o", library, "-x", "c", "-"]
    subprocess.run(command, input=NO_DEVICE, text=True, check=True)
    mount = f"{tmp_path}:{place}:ro" if place.startswith("/opt") else f"{library}:{place}/libcuda.so.1:ro"
    output = run("python", "-m", "lxmls_rnn.device", options=[f"--volume={mount}", *root])
    assert "Theano uses the CPU, because the driver sees no GPU (CUDA error 100)" in output


def check_training(output):
    """Check what TRAIN printed: the build has compiled all C modules, and the lab's start all kernels."""
    before, after, ahead, kernels, sources = map(int, output.splitlines()[-1].split())
    assert 100 < before == after
    assert ahead == kernels == sources > 100


@CUDA_IMAGE
def test_it_trains_on_the_emulated_gpu_and_compiles_next_to_nothing(emulated):
    check_training(run("bash", "-ec", TRAIN, options=as_options(emulated)))


# Batches of the fused models, and what moves between host and device; tests/gpu/test_host_code.py has each kernel.
TRAINING = "Fast and not without and (clip or moves and True) or uploads or stays"


def test_fused_models_train_on_an_emulated_gpu_as_numpys(lab, gpu):
    """In the lab's image, whose pygpu is the distribution's; all that needs pygpu is tested at night."""
    files = (f"tests/gpu/on_device/{name}.py" for name in ("models", "updates"))
    strict = ["--env=EMULATED_SEED=1", "--env=THEANO_FLAGS=gpuarray.preallocate=-1"]  # as tests/gpu/conftest.py has it
    options = [*as_options(gpu), *strict]
    output = run(*PYTEST, *files, "-k", TRAINING, options=options, image=lab.image)
    assert "6 passed" in output
    assert "skipped" not in output


@CUDA_IMAGE
def test_what_needs_pygpu_passes_its_tests(wheels):
    """On the emulated GPU, whose kernels the C++ compiler makes of their source."""
    if not NVRTC.is_dir():
        pytest.skip("needs the wheel of NVRTC (uv sync)")
    options = [f"--volume={NVRTC}:/nvrtc:ro", "--env=LXMLS_NVRTC=/nvrtc/libnvrtc.so.12", "--env=EMULATED_ORDERS=20"]
    output = run(*PYTEST, *PYGPU_TESTS, options=options)
    why = re.findall(r"^SKIPPED \[\d+\] \S+ (.*)", output, re.M)
    assert set(why) == {"the NVRTC of CUDA (12, 9) does not know it", "the documentation is not in the image"}, output


@pytest.mark.nightly("makes Ubuntu 22.04 from its packages and builds the image on it, ten minutes")
def test_it_trains_on_ubuntu_22_04_as_well(lab, tmp_path):
    """The default base is an Ubuntu 22.04 with CUDA: its Python, compiler and pygpu are not Debian's."""
    image = "lxmls-rnn-lab:test-ubuntu"
    build(lab, tmp_path, image, BASE_IMAGE=make_base("jammy"), CUDA="wheels")
    check_training(run("bash", "-ec", TRAIN, options=as_options(emulate(image, tmp_path)), image=image))


@pytest.mark.nightly("makes a distribution from its packages and builds the image on it, ten minutes")
@pytest.mark.parametrize("suite", ["trixie", "noble"])
def test_it_trains_on_a_distribution_without_pygpu_with_that_of_make_pygpu(lab, tmp_path, suite):
    """On Debian 13 and Ubuntu 24.04: without an sdist in dist/ the image is for the CPU and says what to do."""
    source = os.environ.get("LXMLS_PYGPU_SOURCE")
    if not source:
        pytest.skip("LXMLS_PYGPU_SOURCE does not name the sources of libgpuarray")
    base, image = make_base(suite), f"lxmls-rnn-lab:test-{suite}"
    build(lab, tmp_path, image, "cuda", BASE_IMAGE=base, CUDA="wheels")
    assert "No module named 'pygpu'" in run("python", "-c", "import pygpu", check=False, image=image)
    call(sys.executable, ROOT / "packages" / "pygpu", source, lab.folder / "dist")
    try:
        build(lab, tmp_path, image, BASE_IMAGE=base, CUDA="wheels")
    finally:
        shutil.rmtree(lab.folder / "dist")
    check_training(run("bash", "-ec", TRAIN, options=as_options(emulate(image, tmp_path)), image=image))


@pytest.mark.nightly("starts the lab twice until all kernels are compiled, two minutes")
def test_the_kernels_are_compiled_at_the_start_and_stay(lab, emulated, tmp_path):
    """In the volume of the compose file, which `make down` leaves."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    project = f"lxmls-rnn-test-{secrets.token_hex(4)}"
    environ = {"LAB_IMAGE": WHEELS, "LAB_PORT": str(port), "COMPOSE_PROJECT_NAME": project}
    override = tmp_path / "gpu.json"  # JSON is YAML
    override.write_text(json.dumps({"services": {"lab": emulated}}))
    files = ["-f", "docker-compose.yml", "-f", str(override)]

    def compose(*arguments):
        return lab.compose(*files, *arguments, **environ).stdout

    def started():
        compose("up", "--detach", "--wait")
        done = wait_for(lambda: re.search(r"all (\d+) are compiled", compose("logs", "lab")), "all kernels")
        assert "Theano uses the GPU: emulated GPU" in compose("logs", "lab")
        kept = compose("exec", "-T", "lab", "find", "cache/gpu", "-type", "f", "-printf", "%p %T@\n")
        compose("down")
        return int(done[1]), kept

    try:
        count, kept = started()
        assert len(kept.splitlines()) == count > 100
        assert started() == (count, kept)
    finally:
        compose("down", "--volumes")


NVRTC_OK = """
import ctypes
nvrtc, cublas = ctypes.CDLL("libnvrtc.so"), ctypes.CDLL("libcublas.so")
major, minor, program = ctypes.c_int(), ctypes.c_int(), ctypes.c_void_p()
assert nvrtc.nvrtcVersion(ctypes.byref(major), ctypes.byref(minor)) == 0
source = b"extern \\"C\\" __global__ void k(float *x) { x[threadIdx.x] *= 2; }"
assert nvrtc.nvrtcCreateProgram(ctypes.byref(program), source, b"k", 0, None, None) == 0
options = (ctypes.c_char_p * 1)(b"-arch=compute_90")
assert nvrtc.nvrtcCompileProgram(program, 1, options) == 0
assert cublas.stand_in() == 5
print("NVRTC", major.value, minor.value)
"""


@pytest.fixture(scope="session")
def cuda_stand_in(lab, base, tmp_path_factory):
    """A base image set up as NVIDIA's are: what they set, a package source with NVRTC and cuBLAS, a driver's library.

    That is the one for older drivers (cuda-compat), which the linker does not know. The NVRTC is real, from its wheel;
    the cuBLAS is a library with one function, held as in NVIDIA's larger images.
    """
    if not NVRTC.is_dir() or shutil.which("dpkg-deb") is None:
        pytest.skip("needs the wheel of NVRTC (uv sync) and dpkg-deb")
    folder = tmp_path_factory.mktemp("cuda")
    packages = {"cuda-nvrtc-12-9": list(NVRTC.glob("lib*.so.*")), "libcublas-12-9": [folder / "libcublas.so.12"]}
    command = ["gcc", "-shared", "-Wl,-soname,libcublas.so.12", "-o", "libcublas.so.12", "-x", "c", "-"]
    subprocess.run(command, input="int stand_in(void) { return 5; }", text=True, check=True, cwd=folder)
    source = folder / "source"
    source.mkdir()
    for name, files in packages.items():
        target = folder / name / "usr/local/cuda-12.9/targets/x86_64-linux/lib"
        target.mkdir(parents=True)
        for file in files:
            shutil.copy(file, target)
        (folder / name / "DEBIAN").mkdir()
        fields = f"Package: {name}\nVersion: 12.9.1-1\nArchitecture: amd64\nMaintainer: test\nDescription: test\n"
        (folder / name / "DEBIAN" / "control").write_text(fields)
        lab.call("dpkg-deb", "--build", "--root-owner-group", "-Znone", folder / name, source / f"{name}.deb")
    packages_file = "".join(
        f"{(folder / name / 'DEBIAN' / 'control').read_text()}Filename: ./{name}.deb\n"
        f"Size: {(source / f'{name}.deb').stat().st_size}\n"
        f"SHA256: {hashlib.sha256((source / f'{name}.deb').read_bytes()).hexdigest()}\n\n"
        for name in packages
    )
    (source / "Packages").write_text(packages_file)
    (folder / "Dockerfile").write_text(
        f"FROM {base}\nENV CUDA_VERSION=12.9.1 NVARCH=x86_64 NVIDIA_REQUIRE_CUDA='cuda>=12.9 brand=unknown,driver>=535'"
        " PATH=/usr/local/nvidia/bin:/usr/local/cuda/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        " LD_LIBRARY_PATH=/usr/local/nvidia/lib:/usr/local/nvidia/lib64\n"
        "COPY source /source\n"
        "RUN echo 'deb [trusted=yes] file:/source ./' >/etc/apt/sources.list.d/cuda.list &&"
        " printf '/usr/local/nvidia/lib\\n/usr/local/nvidia/lib64\\n' >/etc/ld.so.conf.d/nvidia.conf &&"
        " mkdir -p /usr/local/cuda-12.9/compat && ln -s cuda-12.9 /usr/local/cuda &&"
        " touch /usr/local/cuda/compat/libcuda.so.1 && echo libcublas-12-9 hold | dpkg --set-selections\n"
    )
    (folder / ".dockerignore").write_text("*\n!source\n")
    lab.call("docker", "build", "-t", "lxmls-rnn-base:cuda-stand-in", folder)
    return "lxmls-rnn-base:cuda-stand-in"


@CUDA_BASE
def test_a_cuda_base_gets_nvrtc_and_cublas(lab, cuda_stand_in, tmp_path):
    """On a stand-in: it shows that the packages are installed and found, not that a GPU computes."""
    image = "lxmls-rnn-lab:test-stand-in"
    build(lab, tmp_path, image, "cuda", BASE_IMAGE=cuda_stand_in)
    assert run("python3", "-c", NVRTC_OK, image=image).strip() == "NVRTC 12 9"
    libraries, programs, *names = run("bash", "-c", "echo $LD_LIBRARY_PATH $PATH $(ls lib)", image=image).split()
    assert libraries == "/opt/lab/lib:/usr/local/nvidia/lib:/usr/local/nvidia/lib64"
    assert programs.startswith("/opt/lab/.venv/bin:/usr/local/nvidia/bin:")
    assert {"libcublas.so", "libcuda.so", "libnvrtc.so"} <= set(names)


@CUDA_BASE
@pytest.mark.parametrize(("cuda", "why"), [("wheels", "is for a base without CUDA"), ("13", "CUDA=13 is unknown")])
def test_another_cuda_than_the_base_s_is_refused(lab, cuda_stand_in, tmp_path, cuda, why):
    done = build(lab, tmp_path, "lxmls-rnn-lab:none", "cuda", check=False, BASE_IMAGE=cuda_stand_in, CUDA=cuda)
    assert done.returncode != 0
    assert why in done.stdout
