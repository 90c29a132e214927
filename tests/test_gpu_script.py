"""What scripts/gpu.sh says and writes, with a docker, an nvidia-smi and an nvidia-ctk that answer as on a machine."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
WITH, WITHOUT = '{"nvidia":{},"runc":{}}', '{"runc":{}}'
DEFAULT, PLAIN, OFFLINE = "nvidia/cuda:13.0.3-base-ubuntu22.04", "debian:12", "lxmls-rnn-base:debian12"
WHEELS = "BASE_IMAGE=debian:12\nCUDA=wheels\n"

DOCKER = """#!/bin/sh
case "$1 $3" in
"info {{json .Runtimes}}") echo '%(runtimes)s' ;;
"info {{.CgroupDriver}}") echo '%(cgroups)s' ;;
"pull "*) case " %(pulled)s " in *" $3 "*) ;; *) exit 1 ;; esac ;;
"version {{.Server.Arch}}") echo '%(engine)s' ;;
"run --network") [ '%(emulator)s' ] ;;
"run "*)
    case " $* " in *" sh "?*" -c "*) ;; *) echo 'docker: invalid reference format.' && exit 125 ;; esac
    for script; do :; done # docker run ... sh IMAGE -c SCRIPT
    there='s#/proc/devices#%(folder)s/devices#; s#/dev/\\([a-z-]*\\) \\([]2]\\)#%(folder)s/\\1 \\2#g'
    exec sh -c "$(printf '%%s' "$script" | sed "$there")" ;;
"image --format") echo amd64 ;;
"image "*) case " %(here)s " in *" $3 "*) ;; *) exit 1 ;; esac ;; # docker image inspect NAME
*) exit 1 ;;
esac
"""
# Cards are lines of name, driver and, unless nvidia-smi is too old to know it, compute capability; or an error's text.
SMI = """#!/bin/sh
case $1 in
--query-gpu=name,driver_version) cut -d, -f1,2 <<'END'
%(cards)s
END
;;
--query-gpu=compute_cap) sed -n 's/.*, .*, //p' <<'END' | grep . || {
%(cards)s
END
    echo 'Field "compute_cap" is not a valid field to query.'
    exit 2
} ;;
*) exit 2 ;;
esac
exit %(smi_status)s
"""
PYTHON = "#!/bin/sh\necho %s >&2\n[ -z '%s' ]\n"
CTK = "#!/bin/sh\necho 'NVIDIA Container Toolkit CLI version %s'\necho 'commit: 0123456789'\n"


@pytest.fixture
def machine(tmp_path):
    """Make a machine of what Docker and the cards are, call the script there."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "gpu.sh", tmp_path / "scripts")
    (tmp_path / "bin").mkdir()
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "offline-base.sh").write_text('#!/bin/sh\necho "made $*"\n')
    (tmp_path / "docker" / "offline-base.sh").chmod(0o755)

    def command(name, script):
        (tmp_path / "bin" / name).write_text(script)
        (tmp_path / "bin" / name).chmod(0o755)

    def call(
        runtimes,
        cards,
        env=None,
        pulled=(DEFAULT, PLAIN),
        here=(),
        toolkit=None,
        cgroups="systemd",
        options=(),
        environ=None,
        can_make_a_base=False,
        architecture="x86_64",
        devices="  0 nvidia-uvm",
        files=("nvidia-uvm",),
        cuda_fault="",
        smi_status=0,
        engine="amd64",
        emulator="",
        path="/usr/bin:/bin",
    ):
        (tmp_path / "devices").write_text(f"Character devices:\n195 nvidia\n{devices}\n")
        for file in files:
            (tmp_path / file).touch()  # an ordinary file, whose device numbers are 0
        answers = {"runtimes": runtimes, "pulled": " ".join(pulled), "here": " ".join(here), "cgroups": cgroups}
        answers |= {"folder": str(tmp_path), "engine": engine, "emulator": emulator}
        command("uname", f"#!/bin/sh\necho {architecture}\n")
        command("python3", PYTHON % (cuda_fault, cuda_fault))
        command("docker", DOCKER % answers if runtimes else "#!/bin/sh\nexit 1\n")
        command("nvidia-smi", SMI % {"cards": cards, "smi_status": smi_status} if cards else "#!/bin/sh\nexit 1\n")
        if toolkit:
            command("nvidia-ctk", CTK % toolkit)
        command("id", f"#!/bin/sh\necho {0 if can_make_a_base else 1000}\n")
        command("debootstrap", "#!/bin/sh\n")
        if env is not None:
            (tmp_path / ".env").write_text(env)
        result = subprocess.run(
            [tmp_path / "scripts" / "gpu.sh", *options],
            env={"PATH": f"{tmp_path / 'bin'}:{path}", **(environ or {})},
            capture_output=True,
            text=True,
        )
        written = (tmp_path / ".env").read_text() if (tmp_path / ".env").exists() else None
        return result.returncode, result.stdout + result.stderr, written

    return call


def test_other_lines_of_env_stay_and_a_second_call_changes_nothing(machine):
    before = "LAB_PORT=9999\nCUDA_VISIBLE_DEVICES=1\nLAB_RUNTIMES=2\nMY_CUDA=3\nMY_BASE_IMAGE=mine\nMY_LAB_IMAGE=mine\n"
    status, text, env = machine(WITH, "NVIDIA H100, 580.95.05, 9.0", before)
    assert (status, env) == (0, before + "LAB_RUNTIME=nvidia\n")
    assert "NVIDIA H100" in text
    assert machine(WITH, "NVIDIA H100, 580.95.05, 9.0")[2] == env


def test_without_a_gpu_the_runtime_is_taken_out(machine):
    status, text, env = machine(WITH, None, "LAB_RUNTIME=nvidia\nLAB_PORT=1\n")
    assert (status, env) == (0, "LAB_PORT=1\n")
    assert "No NVIDIA GPU here" in text


def test_without_a_gpu_no_file_is_made(machine):
    assert machine(WITHOUT, None)[2] is None


def test_a_gpu_without_the_runtime_says_what_to_install(machine):
    status, text, env = machine(WITHOUT, "NVIDIA H100, 580.95.05, 9.0", "LAB_RUNTIME=nvidia\n")
    assert (status, env) == (1, "")
    assert "Install NVIDIA's Container Toolkit, then\n    sudo nvidia-ctk runtime configure" in text


def test_a_toolkit_that_offers_the_gpu_through_cdi_alone_is_not_installed_again(machine):
    status, text, env = machine(WITHOUT, "NVIDIA GB10, 580.95.05, 12.1", toolkit="1.19.0")
    assert (status, env) == (1, None)
    assert "through CDI alone. Run\n    sudo nvidia-ctk runtime configure" in text
    assert "Install" not in text


def test_without_docker_it_stops(machine):
    status, text, env = machine(None, "NVIDIA H100, 580.95.05, 9.0", "LAB_PORT=1\n")
    assert (status, env) == (1, "LAB_PORT=1\n")
    assert "Docker does not answer" in text


@pytest.mark.parametrize(
    "cards",
    [
        "NVIDIA RTX 5090, 570.86.10, 12.0",
        "NVIDIA GTX 1080 Ti, 580.65.06, 6.1",
        "NVIDIA H100, 580.65.06, 9.0\nTesla V100, 580.65.06, 7.0",
        "NVIDIA A100, 550.54.15, 8.0",
        "NVIDIA A100, 535.161.08, 8.0",
    ],
)
def test_an_older_driver_or_card_gets_cuda_from_packages(machine, cards):
    assert machine(WITH, cards)[2] == WHEELS + "LAB_RUNTIME=nvidia\n"


def test_where_the_default_base_cannot_be_pulled_cuda_comes_from_packages(machine):
    status, text, env = machine(WITH, "NVIDIA H100, 580.95.05, 9.0", pulled=[PLAIN])
    assert (status, env) == (0, WHEELS + "LAB_RUNTIME=nvidia\n")
    assert "The base is debian:12, with CUDA from packages" in text


@pytest.mark.parametrize("options", [(), ("base",)])
def test_where_nothing_can_be_pulled_a_base_is_made_or_the_command_named(machine, options):
    status, text, env = machine(WITH, "NVIDIA H100, 580.95.05, 9.0", pulled=[], options=options)
    runtime = "" if options else "LAB_RUNTIME=nvidia\n"
    assert (status, env) == (1, None)
    assert "with root and debootstrap:\n'sudo docker/offline-base.sh lxmls-rnn-base:debian12" in text
    for made in ({"can_make_a_base": True}, {"here": [OFFLINE]}):
        status, text, env = machine(WITH, "NVIDIA H100, 580.95.05, 9.0", "", pulled=[], options=options, **made)
        assert (status, env) == (0, f"BASE_IMAGE={OFFLINE}\nCUDA=wheels\n{runtime}")
        assert (f"made {OFFLINE}" in text) == ("here" not in made)


@pytest.mark.parametrize(
    ("cards", "pulled", "env"),
    [
        (None, [DEFAULT, PLAIN], f"BASE_IMAGE={PLAIN}\n"),
        (None, [], f"BASE_IMAGE={OFFLINE}\n"),
        ("NVIDIA H100, 580.95.05, 9.0", [DEFAULT, PLAIN], None),
        ("NVIDIA H100, 580.95.05, 9.0", [PLAIN], WHEELS),
        ("NVIDIA A100, 550.54.15, 8.0", [DEFAULT, PLAIN], WHEELS),
    ],
)
def test_make_up_takes_a_base_that_can_be_had(machine, cards, pulled, env):
    status, text, written = machine(WITHOUT, cards, pulled=pulled, options=["base"], can_make_a_base=True)
    assert (status, written) == (0, env)
    base = env.partition("=")[2].splitlines()[0] if env else DEFAULT
    assert f"The base is {base}" in text


def test_the_hubs_base_is_pulled_or_made(machine):
    hub = {"options": ["hub"], "can_make_a_base": True}
    status, text, env = machine(WITHOUT, None, "LAB_PORT=1\n", pulled=["debian:12"], **hub)
    assert (status, text.strip(), env) == (0, "Pulling debian:12 ...", "LAB_PORT=1\n")
    status, text, env = machine(WITHOUT, None, pulled=[], **hub)
    assert "made lxmls-rnn-base:debian12 bookworm" in text
    assert (status, env) == (0, "LAB_PORT=1\nHUB_BASE=lxmls-rnn-base:debian12\n")
    status, text, _ = machine(WITHOUT, None, pulled=[], **hub)  # though it is not here
    assert (status, "HUB_BASE=lxmls-rnn-base:debian12 cannot be pulled" in text) == (1, True)
    status, text, _ = machine(WITHOUT, None, "", pulled=[], options=["hub"])
    assert (status, "'sudo docker/offline-base.sh lxmls-rnn-base:debian12 bookworm'" in text) == (1, True)


@pytest.mark.parametrize("name", ["BASE_IMAGE", "LAB_IMAGE"])
@pytest.mark.parametrize("place", ["environ", "env"])
def test_make_up_says_that_an_image_of_the_users_own_cannot_be_pulled(machine, name, place):
    given = {"environ": {name: "mine:1"}} if place == "environ" else {"env": f"{name}=mine:1\n"}
    status, text, written = machine(WITHOUT, None, options=["base"], **given)
    assert (status, written or "") == (1, given.get("env", ""))
    assert f"{name}=mine:1 cannot be pulled: check its name, or remove {name}" in text
    status, text, written = machine(WITHOUT, None, options=["base"], here=["mine:1"], **given)
    assert (status, text, written or "") == (0, "", given.get("env", ""))


@pytest.mark.parametrize("name", ["BASE_IMAGE", "LAB_IMAGE"])
def test_make_up_says_that_an_image_is_for_another_processor(machine, name):
    own = {"env": f"{name}=mine:1\n", "here": ["mine:1"], "options": ["base"]}
    status, text, _ = machine(WITHOUT, None, engine="arm64", **own)
    assert (status, f"{name}=mine:1 is for amd64, and the processor here is arm64: take" in text) == (1, True)
    assert machine(WITHOUT, None, engine="arm64", emulator="yes", **own)[:2] == (0, "")


def test_a_machine_without_gpu_or_timeout_as_a_mac_takes_the_cpu_in_a_sentence(machine, tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("sh", "dirname", "grep", "sed", "head", "tail", "sort", "tr", "printenv", "mv", "rm", "cut", "cat"):
        (tools / tool).symlink_to(shutil.which(tool))
    mac = {"architecture": "arm64", "engine": "arm64", "path": tools}
    sentence = "No NVIDIA GPU here: nvidia-smi is missing or shows none. The lab uses the CPU.\n"
    assert machine(WITHOUT, None, **mac) == (0, sentence, None)
    assert machine(WITHOUT, None, options=["base"], **mac)[2] == f"BASE_IMAGE={PLAIN}\n"


def test_a_base_without_cuda_gets_it_when_there_is_a_gpu(machine):
    _, text, env = machine(WITH, "NVIDIA A100, 550.54.15, 8.0", f"BASE_IMAGE={PLAIN}\n")
    assert env == WHEELS + "LAB_RUNTIME=nvidia\n"
    _, text, env = machine(WITH, "NVIDIA H100, 580.95.05, 9.0", f"BASE_IMAGE={OFFLINE}\n")
    assert env == "LAB_RUNTIME=nvidia\n"
    _, text, env = machine(WITH, "NVIDIA H100, 580.95.05, 9.0", WHEELS)
    assert (env, "BASE_IMAGE=debian:12 stays" in text) == (WHEELS + "LAB_RUNTIME=nvidia\n", True)


@pytest.mark.parametrize("line", ["BASE_IMAGE=mine", "LAB_IMAGE=ghcr.io/owner/lxmls-rnn-lab:cuda13.0"])
def test_an_image_of_the_users_own_stays(machine, line):
    image = line.partition("=")[2]
    _, text, env = machine(WITH, "NVIDIA A100, 535.161.08, 8.0", line + "\n", here=[image, "lxmls-rnn-lab:latest"])
    assert env == line + "\nLAB_RUNTIME=nvidia\n"
    assert line in text


def test_an_image_to_pull_is_the_one_that_is_tried(machine):
    card, line = "NVIDIA A100, 535.161.08, 8.0", "LAB_IMAGE=ghcr.io/owner/lab:1\n"
    status, text, env = machine(WITH, card, line, here=["lxmls-rnn-lab:latest"])
    assert (status, env) == (1, line)
    assert "LAB_IMAGE=ghcr.io/owner/lab:1 cannot be pulled" in text
    available = {"pulled": ["ghcr.io/owner/lab:1"], "here": ["lxmls-rnn-lab:latest"]}
    status, text, env = machine(WITH, card, line, cuda_fault="no CUDA", **available)
    assert (status, env) == (1, line)
    assert "A container of ghcr.io/owner/lab:1 cannot use the GPU:" in text
    assert machine(WITH, card, line, **available)[::2] == (0, line + "LAB_RUNTIME=nvidia\n")


def test_an_nvidia_smi_that_does_not_know_the_capability_is_asked_without(machine):
    status, _, env = machine(WITH, "NVIDIA A100, 580.65.06")
    assert (status, env) == (0, WHEELS + "LAB_RUNTIME=nvidia\n")
    assert machine(WITH, "NVIDIA A100, 580.65.06, [N/A]", "")[::2] == (0, WHEELS + "LAB_RUNTIME=nvidia\n")


def test_a_driver_too_old_for_all_of_them(machine):
    status, text, _ = machine(WITH, "Tesla K80, 470.82.01, 3.7")
    assert status == 1
    assert "update it to 535 or newer" in text


def test_a_card_too_old_for_all_of_them(machine):
    status, text, env = machine(WITH, "NVIDIA GTX 780, 535.161.08, 3.5", "LAB_RUNTIME=nvidia\n")
    assert (status, env) == (1, "")
    assert "too old for CUDA 12" in text


@pytest.mark.parametrize(
    ("toolkit", "cgroups", "warned"),
    [
        ("1.9.0", "systemd", True),
        ("1.17.8", "systemd", True),
        ("1.18.0", "systemd", False),
        ("1.17.8", "cgroupfs", False),
    ],
)
def test_a_toolkit_that_loses_gpus_is_named(machine, toolkit, cgroups, warned):
    status, text, env = machine(WITH, "NVIDIA H100, 580.95.05, 9.0", toolkit=toolkit, cgroups=cgroups)
    assert (status, env) == (0, "LAB_RUNTIME=nvidia\n")
    assert (f"The NVIDIA Container Toolkit is {toolkit}" in text) == warned


def test_the_toolkit_s_legacy_mode_loses_gpus_in_every_version(machine, tmp_path):
    script = tmp_path / "scripts" / "gpu.sh"
    settings = tmp_path / "config.toml"
    script.write_text(script.read_text().replace("/etc/nvidia-container-runtime/config.toml", str(settings)))
    for mode, warned in (("auto", False), ("legacy", True)):
        settings.write_text(f'[nvidia-container-runtime]\n#mode = "cdi"\n  mode = "{mode}"\n')
        _, text, _ = machine(WITH, "NVIDIA H100, 580.95.05, 9.0", toolkit="1.20.0")
        assert ("The mode of the NVIDIA Container Toolkit is legacy" in text) == warned


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        ({"files": ()}, "there is no /dev/nvidia-uvm in it\nRun 'sudo modprobe nvidia-uvm'"),
        ({"devices": "509 nvidia-uvm"}, "device 0, but the kernel module is 509\nRun 'sudo modprobe nvidia-uvm'"),
        ({"devices": ""}, "device 0, but the kernel module is not loaded\nRun 'sudo modprobe nvidia-uvm'"),
        ({"cuda_fault": "cuInit-fails"}, f"A container of {DEFAULT} cannot use the GPU:\ncuInit-fails\n"),
        ({"here": ["lxmls-rnn-lab:latest"], "cuda_fault": "x"}, "A container of lxmls-rnn-lab:latest cannot"),
        (
            {"files": ["dxg"], "cuda_fault": "cuInit-fails"},
            f"A container of {DEFAULT} cannot use the GPU:\ncuInit-fails\n",
        ),
    ],
)
def test_a_container_that_cannot_start_cuda_says_why(machine, problem, said):
    status, text, env = machine(WITH, "NVIDIA H100, 580.95.05, 9.0", "LAB_RUNTIME=nvidia\n", **problem)
    assert (status, env) == (1, "")
    assert said in text
    assert "Until then the lab uses the CPU" in text
    assert "Now: make up" not in text


@pytest.mark.parametrize("file", ["dxg", "nvmap"])
def test_wsl_and_a_jetson_have_other_devices(machine, file):
    status, text, env = machine(WITH, "NVIDIA Thor, 580.00, 11.0", devices="", files=[file])
    assert (status, env) == (0, "LAB_RUNTIME=nvidia\n")
    assert "Now: make up" in text


def test_wsl_has_an_nvidia_smi_that_is_not_on_the_path(machine, tmp_path):
    """Before one on the path, of a Linux driver that cannot work there."""
    script, smi = tmp_path / "scripts" / "gpu.sh", tmp_path / "wsl" / "nvidia-smi"
    script.write_text(script.read_text().replace("/usr/lib/wsl/lib", str(smi.parent)))
    smi.parent.mkdir()
    smi.write_text(SMI % {"cards": "NVIDIA GeForce RTX 4090, 581.29, 8.9", "smi_status": 0})
    smi.chmod(0o755)
    status, text, env = machine(WITH, None, devices="", files=["dxg"])
    assert (status, env) == (0, "LAB_RUNTIME=nvidia\n")
    assert "NVIDIA GeForce RTX 4090" in text


@pytest.mark.parametrize("version", ["[N/A]", "540.3.0"])  # of JetPack 5 and 6
def test_a_jetson_leaves_the_choice_of_the_base(machine, version):
    cards = f"Orin (nvgpu), {version}, 8.7"
    for before in (None, f"BASE_IMAGE={PLAIN}\n"):
        status, text, env = machine(WITH, cards, before, files=["nvmap"], architecture="aarch64")
        assert (status, env) == (1, before)
        assert "does not know the driver's version" in text
    status, text, env = machine(WITH, cards, "BASE_IMAGE=jetpack\n", files=["nvmap"], architecture="aarch64")
    assert (status, env) == (0, "BASE_IMAGE=jetpack\nLAB_RUNTIME=nvidia\n")


@pytest.mark.parametrize(
    ("error", "smi_status", "says"),
    [
        ("", 124, "nvidia-smi says: nothing in 30 s, the driver hangs. Restart this machine"),
        ("Failed to initialize NVML: Driver/library version mismatch", 18, "mismatch. The driver was updated, and"),
    ],
)
def test_a_driver_that_needs_a_restart_is_said_to(machine, error, smi_status, says):
    status, text, _ = machine(WITH, error or "\n", smi_status=smi_status)
    assert (status, says in text, "then: make gpu" in text) == (0, True, True)


@pytest.mark.parametrize("options", [(), ("base",)])
@pytest.mark.parametrize(
    ("error", "smi_status"),
    [
        ("No devices were found", 0),
        ("No devices were found", 6),
        ("NVIDIA-SMI has failed because it has found, 580.95.05, 9.0", 9),
        ("Unable to determine the device handle for GPU 0000:01:00.0: Unknown Error", 0),
    ],
)
def test_an_error_on_the_output_of_nvidia_smi_is_no_card(machine, error, smi_status, options):
    status, text, env = machine(WITH, error, "LAB_PORT=1\n", smi_status=smi_status, options=options)
    assert (status, env) == (0, "LAB_PORT=1\n" + f"BASE_IMAGE={PLAIN}\n" * bool(options))
    assert "Illegal" not in text
    assert "too old" not in text
    if not options:
        assert "No NVIDIA GPU here: nvidia-smi is missing or shows none. The lab uses the CPU.\n" in text
        assert f"nvidia-smi says: {error[:20]}" in text


def test_cuda_comes_from_packages_on_x86_64_only(machine):
    status, text, env = machine(WITH, "NVIDIA GH200, 580.95.05, 9.0", pulled=[PLAIN], architecture="aarch64")
    assert (status, env) == (1, f"BASE_IMAGE={PLAIN}\n")
    assert "there are no packages of CUDA for aarch64" in text


def test_the_bases_that_it_takes_are_those_that_are_built_and_published():
    published = (ROOT / ".github/workflows/image.yml").read_text()
    for base, cuda in ((DEFAULT, '""'), (PLAIN, "wheels"), (PLAIN, '""')):
        assert f'base: "{base}", cuda: {cuda} }}' in published
    assert f"${{BASE_IMAGE:-{DEFAULT}}}" in (ROOT / "docker-compose.yml").read_text()
    for file in ("docker/Dockerfile", ".github/base/Dockerfile"):
        assert re.search(rf"^(FROM |ARG BASE_IMAGE=){re.escape(DEFAULT)}$", (ROOT / file).read_text(), re.MULTILINE)
