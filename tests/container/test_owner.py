"""The lab of a checkout of any owner: `docker compose up` without settings, and the commands that people run in it."""

import dataclasses
import json
import os
import shutil

import pytest
from container.conftest import write_settings
from container.machine import copy_of_the_project, give_to
from container.test_lab import assert_no_privileges

OWNERS = [0, 54321]
FOLDERS = ("work", "data", "runs", "results")
TRAIN = ["lxmls-rnn", "train", "sample", "--model", "NumpyRNN", "--max-nr-sent", "50", "--epochs", "1", "--name"]

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder to another user")


@pytest.fixture(scope="module")
def checkout(lab, tmp_path_factory):
    """Another checkout of the lab that is built, with volumes of its own and without LAB_UID."""
    folder = copy_of_the_project(tmp_path_factory.mktemp("owner"))
    folder.chmod(0o755)
    folder.parent.chmod(0o755)
    write_settings(folder, LAB_IMAGE=lab.image)
    it = dataclasses.replace(lab, folder=folder)
    yield it
    it.compose("--profile", "cluster", "down", "--volumes", "--timeout", "0", check=False)


def write_override(folder, **lab):
    """Write settings of the lab's service to a file for Compose; return the options that name it."""
    named = {volume.split(":")[0]: {} for volume in lab.get("volumes", [])}
    (folder / "override.json").write_text(json.dumps({"services": {"lab": lab}, "volumes": named}))
    return ["-f", "docker-compose.yml", "-f", "override.json"]


def owners(*files):
    return {file.stat().st_uid for file in files}


@pytest.mark.parametrize("owner", OWNERS)
def test_it_starts_and_what_it_writes_is_the_owners(checkout, owner):
    """The volumes are those of the owner before. Root's checkout has another user."""
    give_to(checkout.folder, owner)
    checkout.up("--force-recreate", "--timeout", "0")
    assert ("The checkout belongs to root. User 1000 runs the lab" in checkout.log()) == (owner == 0)
    name, owner = f"of-{owner}", owner or 1000
    assert_no_privileges(checkout, owner)
    assert "cannot be written" not in checkout.log()
    checkout.compose("exec", "-T", "lab", "sh", "-c", "whoami && id -gn")  # user and group have names
    assert checkout.get("/api/contents", checkout.address()[1])[0] == 200
    runs = checkout.folder / "runs"
    checkout.compose("exec", "-T", "lab", *TRAIN, name)
    checkout.compose("exec", "-T", "lab", "sh", "-c", f"touch results/{name} cache/gpu/{name}")
    copy = f"cp -r runs/{name} runs/{name}-copy; grep -E '^Uid|^Cap[PEB]' /proc/self/status"
    shown = checkout.compose("exec", "-T", "lab", "bash", input=copy).stdout
    uid, *capabilities = (line.split()[1] for line in shown.splitlines())
    assert (uid, set(capabilities)) == (str(owner), {"0" * 16})
    written = [runs / name, runs / f"{name}-copy", checkout.folder / "results" / name, *(runs / name).iterdir()]
    assert owners(*written, checkout.folder / "work/.handed-out.json") == {owner}
    search = "find / -xdev -writable -not -type l -not -path '/proc/*' 2>/dev/null || :"
    found = checkout.compose("exec", "-T", "lab", "sh", "-c", search).stdout.splitlines()
    assert "/tmp" in found
    open_to_all = "/tmp", "/var/tmp", "/run/lock", "/home/lab", "/opt/lab/cache", "/opt/lab/tls", "/opt/lab/.venv/.lock"
    places = *open_to_all, *(f"/opt/lab/{name}" for name in FOLDERS)
    assert not [path for path in found if not any(f"{path}/".startswith(f"{place}/") for place in places)]
    for command in (["python", "-c", "import os; print(os.getuid())"], ["make", "--silent", "--file=-"]):
        assert checkout.compose("exec", "-T", "lab", *command, input="all:\n\tid -u\n").stdout == f"{owner}\n"
    with_path = checkout.compose("exec", "-T", "lab", "bash", "-lc", "lxmls-rnn runs; id -u")
    assert with_path.stdout.splitlines()[-1] == str(owner)
    assert name in with_path.stdout


def test_what_root_leaves_in_the_folders_is_given_to_the_user_at_the_start(checkout):
    """As `git pull` of root does, also where nobody else may enter; links are not followed."""
    give_to(checkout.folder, 1001)
    (checkout.folder / "work").chmod(0o700)
    left, kept = checkout.folder / "work/left.ipynb", checkout.folder / "README.md"
    left.write_text("{}")
    (checkout.folder / "runs/link").symlink_to(checkout.folder / "runs")
    (checkout.folder / "runs/readme").symlink_to("/opt/lab/README.md")
    for file in (left, kept):
        os.chown(file, 0, 0)
    left.chmod(0o4755)
    shown = checkout.run("stat", "-c", "%u", "work/left.ipynb", "README.md").stdout
    assert shown.split()[-2:] == ["1001", "0"]
    assert (owners(left), owners(kept)) == ({1001}, {0})
    assert left.stat().st_mode & 0o7777 == 0o755


def test_what_git_tracks_stays_roots_and_fetch_can_add_to_the_data(checkout):
    data = checkout.folder / "data"
    give_to(checkout.folder, 0)
    checkout.call("chmod", "-R", "go=", data)  # as a clone with umask 077
    tracked = list(data.rglob("*"))
    script = "lxmls-rnn train sample --model NumpyRNN --epochs 1 --name data && mkdir data/new && rmdir data/new"
    checkout.run("bash", "-ec", script)
    for change in ("rm -f data/README.md", "mv data/sample data/mine", "touch data/sample/train.conll"):
        assert checkout.run("bash", "-c", change, check=False).returncode == 1
    assert owners(data, *tracked) == {0}
    checkout.call("chmod", "-R", "a+rX", data)


def test_what_root_left_and_cannot_be_given_away_is_shown(checkout):
    give_to(checkout.folder, 1001)
    (checkout.folder / "runs").chmod(0o700)
    caps = "CHOWN, SETGID, SETPCAP, SETUID"  # as on a shared disk, where root has no rights
    (checkout.folder / "override.yml").write_text(f"services: {{lab: {{cap_add: !override [{caps}]}}}}\n")
    files = ["-f", "docker-compose.yml", "-f", "override.yml"]
    shown = checkout.compose(*files, "run", "--rm", "-T", "lab", "true", check=False)
    assert "Not all that root left in the mounted folders is given to user 1001:" in shown.stdout
    assert "cannot read directory '/opt/lab/runs'" in shown.stdout


def test_root_cannot_be_chosen_as_the_user(checkout):
    refused = checkout.run("id", check=False, LAB_UID="0")
    assert refused.returncode == 1
    assert "LAB_UID=0 is root. Set it in .env to another user." in refused.stdout
    assert "uid=" not in refused.stdout


def test_its_cluster_is_the_owners_too(checkout):
    owner = 54321
    give_to(checkout.folder, owner)
    checkout.compose("--profile", "cluster", "up", "--detach", "--wait", "--force-recreate", "--timeout", "0")
    sweep = f"lxmls-rnn sweep sample --max-nr-sent 50 --epochs 1 --vary n_hidd=2,5 --name cluster-{owner}"
    checkout.compose("exec", "-T", "lab", *sweep.split(), "--scheduler", "tls://scheduler:8786")
    for service in ("scheduler", "worker"):
        assert_no_privileges(checkout, owner, service)
    assert owners(*(checkout.folder / f"runs/cluster-{owner}").glob("*/model.npz")) == {owner}
    checkout.compose("--profile", "cluster", "kill", "scheduler", "worker")


def test_named_volumes_take_their_owner_from_the_image(checkout):
    files = write_override(checkout.folder, volumes=[f"{name.replace('/', '-')}:/opt/lab/{name}" for name in FOLDERS])
    checkout.compose(*files, "up", "--detach", "--wait", "--timeout", "0")
    assert_no_privileges(checkout, 1000)
    checkout.compose("exec", "-T", "lab", *TRAIN, "in-a-volume")
    shown = checkout.compose("exec", "-T", "lab", "stat", "-c", "%u", "runs/in-a-volume", "data").stdout
    checkout.compose(*files, "down", "--volumes", "--timeout", "0")
    assert shown == "1000\n1000\n"


def test_its_root_may_be_read_only(checkout):
    give_to(checkout.folder, 1001)
    files = write_override(checkout.folder, read_only=True, tmpfs=["/tmp:exec", "/home/lab:exec,mode=1777"])
    checkout.compose(*files, "up", "--detach", "--wait", "--timeout", "0")
    assert_no_privileges(checkout, 1001)
    checkout.compose("exec", "-T", "lab", *TRAIN, "read-only-root")
    assert owners(checkout.folder / "runs/read-only-root") == {1001}


def test_a_user_that_is_named_comes_before_the_owner(checkout):
    give_to(checkout.folder, 1001)
    for name in ("runs", "results"):
        shutil.chown(checkout.folder / name, 54321, 54321)
    checkout.compose("run", "--rm", "-T", "lab", *TRAIN, "named", LAB_UID="54321", LAB_GID="54321")
    assert owners(checkout.folder / "runs/named") == {54321}


def test_a_user_that_docker_starts_it_as_needs_no_capabilities(checkout):
    """As `docker run --user` does, a hub, or Kubernetes."""
    files = ["-f", "docker-compose.yml", "-f", "override.yml"]
    (checkout.folder / "override.yml").write_text('services: {lab: {user: "1001:1001", cap_add: !reset []}}\n')
    give_to(checkout.folder, 1001)
    checkout.compose(*files, "up", "--detach", "--wait", "--timeout", "0")
    assert_no_privileges(checkout, 1001)
    checkout.compose(*files, "exec", "-T", "lab", *TRAIN, "as-it-is")
    assert owners(checkout.folder / "runs/as-it-is") == {1001}
