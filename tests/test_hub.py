"""What the hub of a class gives its containers, as its own spawner makes it of the settings, without Docker."""

import asyncio
import functools
import gzip
import http.server
import importlib
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest

if find_spec("dockerspawner") is None:
    pytest.skip("the hub's packages are not installed: they are not in the image", allow_module_level=True)
FOLDER = Path(__file__).parents[1] / "docker" / "jupyterhub"
SETTINGS = {
    "CLASS_BIND": "127.0.0.1",
    "CLASS_CPUS": "1",
    "CLASS_DISK": "2G",
    "CLASS_DISK_FREE": "5G",
    "CLASS_DOMAIN": "",
    "CLASS_GPUS": "",
    "CLASS_IMAGE": "lxmls-rnn-student",
    "CLASS_MEMORY": "2G",
    "CLASS_NETWORK": "open",
    "CLASS_PROXY": "",
    "CLASS_SERVERS": "",
    "CLASS_TEACHER": "teacher",
    "LAB_DATA": "/data",
    "LAB_DEVICE": "auto",
    "LAB_RUNTIME": "nvidia",
    "LAB_THEANO_FLAGS": "",
    "LXMLS_CORPUS": "",
}


GB, MB = 1 << 30, 1 << 20
GOOD, OWN = "a-long-password", "the-teachers-own-password"


class Hub:
    """A hub's settings, and the engine that it would ask: which containers and volumes there are."""

    def __init__(self, monkeypatch, folder, **settings):
        from traitlets.config import PyFileConfigLoader

        (folder / "metadata.db").touch()
        (folder / "token").write_text("a word")
        files = {"CLASS_VOLUMES": str(folder), "CLASS_PROXY_TOKEN": str(folder / "token")}
        for name, value in (SETTINGS | files | settings).items():
            monkeypatch.setenv(name, value)
        self.config = PyFileConfigLoader(str(FOLDER / "jupyterhub_config.py")).load_config()
        self.containers, self.volumes = {}, []

    async def ask(self, method, filters):
        if method == "volumes":
            return {"Volumes": [{"Name": name} for name in self.volumes if re.search(filters["name"], name)]}
        return [{"Names": [f"/{name}"], "Labels": labels} for name, labels in self.containers.items() if labels]

    def spawner(self, name):
        from jupyterhub.objects import Hub

        user = SimpleNamespace(name=name, url=f"/user/{name}", settings={}, id=1)
        spawner = self.config.JupyterHub.spawner_class(config=self.config, _mock=True, user=user, hub=Hub())
        spawner.docker = self.ask
        return spawner

    def start(self, spawner):
        """Start a container; return its environment."""
        asyncio.run(spawner.run_pre_spawn_hook())
        self.containers[spawner.object_name] = spawner.extra_create_kwargs.get("labels", {})
        return spawner.get_env()

    def stop(self, spawner):
        del self.containers[spawner.object_name]
        spawner.run_post_stop_hook()


@pytest.fixture
def hub_of(monkeypatch, tmp_path):
    """Make a hub of settings."""
    return lambda **settings: Hub(monkeypatch, tmp_path, **settings)


def test_the_packages_are_those_of_the_hubs_image():
    dockerfile = (FOLDER / "Dockerfile").read_text()
    pinned = dict(re.findall(r"([\w-]+)==([\d.]+)", dockerfile))
    pinned["jupyterhub"] = re.search(r"ARG JUPYTERHUB=(\S+)", dockerfile).group(1)
    names = "jupyterhub", "dockerspawner", "jupyterhub-firstuseauthenticator"
    assert {name: version(name) for name in names} == {name: pinned[name] for name in names}


def test_a_students_server_has_the_settings_of_the_lab(hub_of):
    hub = hub_of(LAB_DEVICE="cpu", LXMLS_CORPUS="mine", LAB_THEANO_FLAGS="floatX=float32")
    environ = hub.start(hub.spawner("anna"))
    given = {"LXMLS_DEVICE": "cpu", "LXMLS_CORPUS": "mine", "THEANO_FLAGS": "floatX=float32"}
    assert environ.items() >= given.items()
    hub = hub_of()
    assert set(given) & set(hub.start(hub.spawner("ben"))) == {
        "LXMLS_DEVICE"
    }  # an empty one would be taken for a choice


def test_each_container_gets_the_gpu_that_the_fewest_have(hub_of):
    names = ["0", "1", "MIG-5c89852c-d268-c3f3-1b07-005d5ae1dc3f"]
    hub = hub_of(CLASS_GPUS=f"{names[0]}, {names[1]},{names[2]}")
    anna, ben, cai, dee = (hub.spawner(name) for name in ("anna", "ben", "cai", "dee"))
    given = [hub.start(spawner)["NVIDIA_VISIBLE_DEVICES"] for spawner in (anna, ben, cai)]
    assert given == names
    hub.stop(ben)
    assert hub.start(dee)["NVIDIA_VISIBLE_DEVICES"] == names[1]
    hub.stop(anna)
    assert hub.start(anna)["NVIDIA_VISIBLE_DEVICES"] == names[0]
    assert anna.get_env()["LXMLS_DEVICE"] == "auto"


def test_a_hub_that_was_restarted_knows_who_has_which_gpu(hub_of):
    hub = hub_of(CLASS_GPUS="0,1")
    hub.containers = {"lxmls-student-anna": {"lxmls.gpu": "0"}, "lxmls-student-eva": {}}
    assert hub.start(hub.spawner("ben"))["NVIDIA_VISIBLE_DEVICES"] == "1"


def test_without_gpus_to_choose_from_all_are_seen_as_ever(hub_of):
    assert "NVIDIA_VISIBLE_DEVICES" not in hub_of().start(hub_of().spawner("anna"))


def test_gpus_want_the_runtime_that_brings_them(hub_of):
    with pytest.raises(SystemExit, match="CLASS_GPUS names GPUs, but LAB_RUNTIME is not set"):
        hub_of(CLASS_GPUS="0", LAB_RUNTIME="")


def test_the_teacher_alone_sees_the_runs_of_the_class(hub_of):
    hub = hub_of()
    hub.volumes = [f"lxmls-student-{name}" for name in ("anna-runs", "anna-notebooks", "b-2dx-runs", "teacher-runs")]
    teacher = hub.spawner("teacher")
    assert hub.start(teacher)["LXMLS_CLASS"] == "/opt/lab/class"
    shown = {
        "lxmls-student-anna-runs": {"bind": "/opt/lab/class/anna/runs", "mode": "ro"},
        "lxmls-student-b-2dx-runs": {"bind": "/opt/lab/class/b-2dx/runs", "mode": "ro"},
    }
    binds = teacher.volume_binds
    assert {name: bind for name, bind in binds.items() if "/class/" in bind["bind"]} == shown
    hub.volumes.remove("lxmls-student-anna-runs")  # which a mount would make again
    hub.start(teacher)
    assert "lxmls-student-anna-runs" not in teacher.volume_binds
    anna = hub.spawner("anna")
    assert "LXMLS_CLASS" not in hub.start(anna)
    assert not any("/class/" in bind["bind"] for bind in anna.volume_binds.values())


@pytest.fixture
def spawner(hub_of):
    """A student's server that takes 1 GB of the 2 GB that it may, on a disk with 9 GB free."""
    spawner = hub_of().spawner("anna")
    assert spawner.objection(1 * GB, 9 * GB) is None
    return spawner


def test_who_has_too_much_and_grows_is_stopped(spawner):
    assert spawner.objection(2 * GB, 9 * GB) is None
    reason = "Your files take 2.1 GB, and 2.0 GB is the most."
    assert spawner.objection(2.1 * GB, 9 * GB) == reason
    assert spawner.objection(2.1 * GB, 9 * GB) == reason  # until it has ended


def test_who_has_too_much_may_delete(hub_of):
    spawner = hub_of().spawner("anna")
    for size in (3 * GB, 3 * GB + 9 * MB, 2.5 * GB, 2.4 * GB, 2.4 * GB + 9 * MB):
        assert spawner.objection(size, 9 * GB) is None
    assert "2.4 GB" in spawner.objection(2.4 * GB + 11 * MB, 9 * GB)


def test_a_full_disk_stops_who_grows_and_then_everybody(spawner):
    assert spawner.objection(1 * GB, 4 * GB) is None
    reason = spawner.objection(1 * GB + 11 * MB, 4 * GB)
    assert reason == "The disk of this machine is nearly full: 4.0 GB are free. Tell the teacher."
    assert spawner.objection(1 * GB + 11 * MB, 4 * GB) is None
    assert "2.4 GB are free" in spawner.objection(1 * GB, 2.4 * GB)


def test_a_student_is_told_before_the_start_and_kept_from_it_at_twice_the_bound(hub_of, tmp_path):
    spawner = hub_of(CLASS_DISK="1M", CLASS_DISK_FREE="1").spawner("anna")
    assert not asyncio.run(spawner.get_options_form())
    runs, home = (tmp_path / f"lxmls-student-anna-{name}" / "_data" for name in ("runs", "notebooks"))
    for folder in (runs, home):
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(bytes(700 << 10))
    form = asyncio.run(spawner.get_options_form())
    assert "Delete some of them: the server is stopped when they grow." in form
    (runs / "another").write_bytes(bytes(700 << 10))
    with pytest.raises(Exception, match=r"and 0\.0 GB is the most\. The teacher has to delete some of them\."):
        asyncio.run(spawner.start())
    spawner = hub_of(CLASS_DISK="1G", CLASS_DISK_FREE="1000000G").spawner("anna")
    with pytest.raises(Exception, match="The disk of this machine is nearly full") as error:
        asyncio.run(spawner.start())
    assert error.value.jupyterhub_message in asyncio.run(spawner.get_options_form())


def test_only_what_a_server_can_write_counts_and_a_server_that_grows_is_stopped(hub_of, tmp_path):
    volumes = {"home": True, "runs": True, "class": False}
    mounts = [{"Type": "volume", "Name": name, "RW": writable} for name, writable in volumes.items()]
    asked = []

    async def docker(method, *_, **options):
        asked.append((method, options))
        return {"Id": "1", "State": {"Running": True}, "Mounts": [*mounts, {"Type": "bind", "RW": True}]}

    def write(name, size):
        (tmp_path / name / "_data").mkdir(parents=True, exist_ok=True)
        (tmp_path / name / "_data" / "file").write_bytes(bytes(size))

    spawner = hub_of(CLASS_DISK="16M", CLASS_DISK_FREE="1").spawner("anna")
    spawner.docker = docker
    write("class", 20 * MB)
    write("runs", 2 * MB)
    assert asyncio.run(spawner.poll()) is None
    write("class", 40 * MB)
    write("home", 8 * MB)
    assert asyncio.run(spawner.poll()) is None
    write("home", 15 * MB)
    assert asyncio.run(spawner.poll()) == "Your files take 0.0 GB, and 0.0 GB is the most."
    assert asked[-2:] == [("stop", {"timeout": 3}), ("remove_container", {"v": True})]


def test_a_size_is_what_the_disk_and_its_inodes_lose(hub_of, tmp_path):
    hub_of()
    disk_usage = sys.modules["disk"].disk_usage
    folder = tmp_path / "volume"
    folder.mkdir()
    for n in range(100):
        (folder / f"empty{n}").touch()
    assert asyncio.run(disk_usage([folder])) == 101 * (16 << 10)
    (folder / "file").write_bytes(bytes(5 * MB))
    (folder / "link").hardlink_to(folder / "file")
    with (folder / "sparse").open("wb") as sparse:
        sparse.truncate(GB)
    assert 5 * MB <= asyncio.run(disk_usage([folder])) < 6 * MB


def test_a_container_writes_nowhere_but_to_volumes(hub_of):
    config = hub_of().config.DockerSpawner
    assert config.extra_host_config["read_only"]
    assert config.extra_host_config["ulimits"] == [{"Name": "fsize", "Soft": 2 * GB, "Hard": 2 * GB}]
    mounts = hub_of().spawner("anna").mount_binds
    assert {(mount["Type"], mount["Source"]) for mount in mounts} == {("volume", "")}


def test_a_hub_that_sees_no_volumes_does_not_start(hub_of):
    with pytest.raises(SystemExit, match="is not the Docker engine's folder of volumes"):
        hub_of(CLASS_VOLUMES="/nowhere")


class Browser(SimpleNamespace):
    """Stand-in for a request: the address and cookies of a browser."""

    def __init__(self, address="192.0.2.1"):
        super().__init__(request=SimpleNamespace(remote_ip=address), hub=SimpleNamespace(base_url="/hub/"), cookies={})

    def get_secure_cookie(self, name, max_age_days):
        return self.cookies.get(name)

    def _set_cookie(self, name, value, **options):
        self.cookies[name] = value.encode()


@pytest.fixture
def accounts(hub_of, monkeypatch, tmp_path):
    """The accounts of anna and ben, with passwords that are hashed fast and a clock that stands still."""
    import bcrypt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bcrypt, "gensalt", functools.partial(bcrypt.gensalt, rounds=4))  # slow by design
    config = hub_of().config
    monkeypatch.setattr(sys.modules["accounts"], "time", SimpleNamespace(monotonic=lambda: accounts.now))
    Path("students.txt").write_text("anna\nben\n")
    Path("teacher.sha256").write_text(sys.modules["state"].digest(OWN))
    accounts = config.JupyterHub.authenticator_class(config=config)
    accounts.now = 0.0
    return accounts


def log_in(accounts, name, password=GOOD, browser=None):
    """Return the name of who is in, None, or the status and reason of a refusal."""
    from tornado.web import HTTPError

    try:
        data = {"username": name, "password": password}
        found = asyncio.run(accounts.get_authenticated_user(browser or Browser(), data))
    except HTTPError as error:
        return error.status_code, error.log_message
    return found and found["name"]


def test_the_first_login_chooses_the_password(accounts):
    assert log_in(accounts, "Anna") == "anna"
    assert log_in(accounts, "anna", "another-password") is None
    accounts.now += 1
    assert log_in(accounts, "anna") == "anna"
    accounts.delete_user(SimpleNamespace(name="anna"))
    assert log_in(accounts, "anna", "another-password") == "anna"


def test_a_name_that_is_not_on_the_roster_costs_no_hashing_and_stores_nothing(accounts, monkeypatch):
    import bcrypt

    monkeypatch.setattr(bcrypt, "hashpw", None)
    assert log_in(accounts, "mallory") is None
    assert not list(Path().glob("passwords*"))
    assert not accounts.waits


def test_the_roster_is_read_at_each_login(accounts):
    assert log_in(accounts, "zoë") is None
    Path("students.txt").write_text("zoë\n")
    assert log_in(accounts, "Zoë") == "zoë"
    assert log_in(accounts, "anna") is None
    Path("students.txt").unlink()
    assert log_in(accounts, "zoë") is None
    accounts.add_user(SimpleNamespace(name="carla"))  # of the hub's database, as at its start
    assert log_in(accounts, "carla") is None


def test_a_password_that_is_short_or_longer_than_bcrypt_reads_is_refused_with_a_reason(accounts):
    assert log_in(accounts, "anna", "9 letters") == (
        403,
        "Password too short! Please choose a password at least 10 characters long.",
    )
    assert log_in(accounts, "ben", "ä" * 37) == (403, "A password has at most 72 bytes.")
    accounts.now += 1
    assert [log_in(accounts, name, "ä" * 36) for name in ("anna", "ben")] == ["anna", "ben"]


def test_the_hub_answers_while_a_password_is_checked(accounts, monkeypatch):
    import bcrypt

    assert log_in(accounts, "anna") == "anna"
    answered = threading.Event()
    hashpw = bcrypt.hashpw
    monkeypatch.setattr(bcrypt, "hashpw", lambda *given: answered.wait() and hashpw(*given))

    async def log_in_twice():
        logins = []
        for _ in range(2):
            login = accounts.authenticate(Browser(), {"username": "anna", "password": GOOD})
            logins.append(asyncio.create_task(login))
            await asyncio.sleep(0)  # the check begins, or waits for the other
            accounts.now += 1
        answered.set()
        return await asyncio.gather(*logins)

    assert asyncio.run(log_in_twice()) == ["anna", "anna"]


def seconds_to_wait(accounts, name, browser=None):
    """Return how long a refusal asks to wait."""
    status, reason = log_in(accounts, name, browser=browser)
    assert status == 429
    return int(re.search(r"wait (\d+) seconds", reason).group(1))


def test_each_wrong_password_makes_the_next_wait_longer_up_to_a_minute(accounts):
    assert log_in(accounts, "anna") == "anna"
    waited = []
    for _ in range(8):
        assert log_in(accounts, "anna", "a wrong password") is None
        waited.append(seconds_to_wait(accounts, "anna"))
        accounts.now += waited[-1]
    assert waited == [1, 2, 4, 8, 16, 32, 60, 60]
    assert log_in(accounts, "anna") == "anna"
    assert log_in(accounts, "anna", "a wrong password") is None
    assert seconds_to_wait(accounts, "anna") == 1
    accounts.now += 3602
    log_in(accounts, "ben")
    assert not accounts.waits


def test_who_guesses_keeps_out_neither_others_nor_the_owner_nor_the_teacher(accounts):
    own, guesser = Browser(), Browser()  # at one address, as behind one router
    assert log_in(accounts, "anna", browser=own) == "anna"
    for _ in range(9):
        assert log_in(accounts, "anna", "a guess", guesser) is None
        accounts.now += seconds_to_wait(accounts, "anna", guesser)
    assert log_in(accounts, "anna", "a guess", guesser) is None
    assert seconds_to_wait(accounts, "anna", guesser) == 60
    assert log_in(accounts, "anna", browser=own) == "anna"
    assert log_in(accounts, "anna", browser=Browser("192.0.2.2")) == "anna"
    assert log_in(accounts, "ben", browser=guesser) == "ben"
    assert seconds_to_wait(accounts, "anna", guesser) == 60  # the cookie of one account is of no use for another
    accounts.delete_user(SimpleNamespace(name="anna"))
    assert log_in(accounts, "anna", "a guess", own)[0] == 429  # a password that is forgotten ends the cookie
    assert [log_in(accounts, "teacher", f"guess {n}", guesser) for n in range(99)] == [None] * 99
    assert log_in(accounts, "Teacher", OWN, guesser) == "teacher"


def test_when_many_log_in_at_once_the_last_ones_are_told_to_wait(accounts):
    names = [f"student{n}" for n in range(sys.modules["accounts"].MAX_CHECKS + 2)]
    Path("students.txt").write_text("\n".join(names))

    async def all_at_once():
        data = ({"username": name, "password": GOOD} for name in names)
        return await asyncio.gather(*(accounts.authenticate(Browser(), one) for one in data), return_exceptions=True)

    *found, late, last = asyncio.run(all_at_once())
    assert found == names[:-2]
    assert (late.status_code, last.status_code, int(last.headers["Retry-After"]) > 0) == (503, 503, True)
    assert log_in(accounts, names[-1]) == names[-1]  # no try of a wrong password was counted


def test_a_login_without_a_password_is_a_bad_request(accounts):
    from tornado.web import HTTPError

    with pytest.raises(HTTPError, match="400"):
        asyncio.run(accounts.authenticate(Browser(), {"username": "anna"}))


def test_of_guesses_that_come_at_once_one_is_checked(accounts):
    async def all_at_once():
        guesses = [{"username": "anna", "password": f"a guess {n}"} for n in range(9)]
        return await asyncio.gather(
            *(accounts.authenticate(Browser(), data) for data in guesses), return_exceptions=True
        )

    assert log_in(accounts, "anna") == "anna"
    found = asyncio.run(all_at_once())
    assert found[0] is None
    assert {error.status_code for error in found[1:]} == {429}


def test_nobody_chooses_the_teachers_password(accounts):
    Path("students.txt").write_text("teacher\n")
    assert log_in(accounts, "Teacher", "a-claimed-password") is None
    assert log_in(accounts, "teacher", OWN) == "teacher"
    accounts.delete_user(SimpleNamespace(name="teacher"))
    assert log_in(accounts, "teacher", "a-claimed-password") is None


TEACHER = """
import runpy, sys
if sys.argv.pop(1) == "without":
    sys.modules["dbm.sqlite3"] = sys.modules["dbm.gnu"] = sys.modules["dbm.ndbm"] = None
sys.path.insert(0, sys.argv[1])
runpy.run_path(f"{sys.argv.pop(1)}/teacher.py")
"""


def teacher(folder, *arguments, kind="with"):
    """Call teacher.py as the hub does before it starts."""
    command = [sys.executable, "-c", TEACHER, kind, FOLDER, *arguments]
    environ = os.environ | {"CLASS_TEACHER": "Teacher"}
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True)


@pytest.mark.skipif(sys.version_info < (3, 13), reason="the hub's Python is newer")
def test_the_teachers_password_is_printed_once_and_can_be_replaced(accounts, tmp_path):
    Path("teacher.sha256").unlink()
    first = teacher(tmp_path).stdout
    assert teacher(tmp_path).stdout == "The teacher's account is teacher; its password is unchanged.\n"
    second = teacher(tmp_path, "--new-password").stdout
    words = [re.search(r"is teacher, the password (\w+)", text).group(1) for text in (first, second)]
    assert [log_in(accounts, "teacher", word) for word in words] == [None, "teacher"]
    files = "teacher.sha256", "passwords.dbm"
    assert {name: (tmp_path / name).stat().st_mode & 0o777 for name in files} == dict.fromkeys(files, 0o600)


def test_a_hub_that_could_lose_passwords_when_it_is_killed_does_not_start(tmp_path):
    refused = teacher(tmp_path, kind="without")
    assert refused.returncode == 1
    assert "with dbm.dumb. Python 3.13 and newer have dbm.sqlite3: take HUB_BASE=debian:13" in refused.stderr
    assert not (tmp_path / "teacher.sha256").exists()


@pytest.fixture
def students(accounts):
    """The module students.py; its hub reads the roster in this folder."""
    sys.modules.pop("students", None)
    return importlib.import_module("students")


def test_a_roster_is_read_as_editors_write_it_and_a_wrong_line_is_named(students, accounts, monkeypatch):
    students.write_roster(students.read_roster("\ufeffAnna\r\n\r\n  zoë \r\n".encode()))
    assert [log_in(accounts, name) for name in ("anna", "zoë", "ben")] == ["anna", "zoë", None]
    wrong = {
        "anna\nAnna Maria\n": ", line 2: a name has at most 40 characters and 66 bytes, no spaces",
        **dict.fromkeys(["a/b", "a" * 41, ".", "..", "%2e", "a\x07", "\N{GRINNING FACE}" * 17], ", line 1: a name has"),
        "anna\n\nANNA": ", line 3: anna is there twice",
        "ben\nTeacher": ", line 2: teacher is the teacher",
        "\n": " has no names",
    }
    monkeypatch.setenv("CLASS_TEACHER", "Teacher")
    for text, reason in wrong.items():
        with pytest.raises(SystemExit, match=re.escape(f"students.txt{reason}")):
            students.read_roster(text.encode())
    with pytest.raises(SystemExit, match=r"line 2: save the file in UTF-8, got b'zo\\xeb'"):
        students.read_roster("anna\nzoë".encode("latin-1"))


def test_a_student_who_could_come_back_and_the_teacher_are_not_removed(students, monkeypatch):
    monkeypatch.setattr(students, "reset", None)
    with pytest.raises(SystemExit, match=r"anna is still in students\.txt: delete the line"):
        students.remove("anna", "--erase")
    monkeypatch.undo()
    monkeypatch.setenv("CLASS_TEACHER", "Teacher")
    with pytest.raises(SystemExit, match="--new-password"):
        students.reset("teacher")


class Api(http.server.BaseHTTPRequestHandler):
    """The hub's answers to DELETE, by path, the last one again and again."""

    def do_DELETE(self):
        asked = self.path.removeprefix("/hub/api/users/")
        self.server.asked.append(asked)
        answers = self.server.answers.get(asked, [404])
        status = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(status)
        self.end_headers()
        if status >= 400:
            self.wfile.write(json.dumps({"status": status, "message": "why"}).encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def api(students, monkeypatch, tmp_path):
    """An API whose answers a test sets, for students.py with a clock that goes on while it waits."""
    (tmp_path / "token").write_text("secret")
    monkeypatch.setenv("CLASS_PROXY_TOKEN", str(tmp_path / "token"))
    monkeypatch.setenv("CLASS_TEACHER", "teacher")
    now = itertools.count()
    monkeypatch.setattr(students, "time", SimpleNamespace(monotonic=lambda: next(now), sleep=lambda seconds: None))
    with http.server.HTTPServer(("127.0.0.1", 0), Api) as server:
        monkeypatch.setattr(students, "API", f"http://127.0.0.1:{server.server_port}/hub/api/users/")
        server.asked, server.answers = [], {}
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_an_account_is_deleted_after_its_server_has_ended(students, api):
    api.answers = {"anna/server": [202, 202, 204], "anna": [204]}
    assert students.reset("anna")
    assert api.asked == ["anna/server"] * 3 + ["anna"]


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ({"anna/server": [202], "anna": [204]}, "Nothing is changed: the server of anna does not stop"),
        ({"anna/server": [400], "anna": [204]}, "Nothing is changed: why"),
    ],
)
def test_while_its_server_cannot_end_an_account_stays(students, api, answers, says):
    api.answers = answers
    with pytest.raises(SystemExit, match=says):
        students.reset("anna")
    assert "anna" not in api.asked


@pytest.fixture
def volumes_of(monkeypatch):
    """The names of the volumes that Docker has for a student who is removed; a test adds to them."""
    names = []
    removed = lambda name: SimpleNamespace(name=name, remove=lambda: names.remove(name))  # noqa: E731
    listed = SimpleNamespace(list=lambda filters: [removed(name) for name in names])
    errors = SimpleNamespace(APIError=OSError)
    docker = SimpleNamespace(from_env=lambda timeout: SimpleNamespace(volumes=listed), errors=errors)
    spawner = SimpleNamespace(DockerSpawner=SimpleNamespace(_escape=re.escape))
    for name, module in {"docker": docker, "docker.errors": errors, "dockerspawner": spawner}.items():
        monkeypatch.setitem(sys.modules, name, module)
    return names


@pytest.mark.parametrize(("answer", "kept"), [("", 1), ("no", 1), ("y", 1), ("YES", 1), ("yes", 0)])
def test_only_a_yes_erases(students, api, volumes_of, monkeypatch, answer, kept):
    volumes_of.append("lxmls-student-old-runs")
    api.answers = {"old/server": [204], "old": [204]}
    monkeypatch.setattr("builtins.input", lambda question: answer)
    students.remove("old", "")
    assert len(volumes_of) == kept
    assert api.asked[-1] == "old"


def test_who_is_not_there_is_not_erased(students, api, accounts, volumes_of):
    log_in(accounts, "ben")  # the file of passwords exists
    for name in ("annna", ".*", "../x"):
        with pytest.raises(SystemExit, match=f"There is no account and no volume of {re.escape(name)}"):
            students.remove(name, "--erase")


# An engine with the volumes in $VOLUMES, folders of their files. `docker run` is called for one volume and one program.
DOCKER = r"""#!/bin/bash
echo "$@" >>"$VOLUMES.log"
case "$1 $2" in
"ps --all") echo -n "$RUNNING" ;;
"volume ls")
    for filter; do
        case $filter in *name=*) ls "$VOLUMES" | grep -e "${filter#*name=}" || true ;; esac
    done
    ;;
"volume rm") for name; do rm -rf "${VOLUMES:?}/$name"; done ;;
"run --rm")
    while [ "$1" != --volume ]; do shift; done
    folder=$VOLUMES/${2%%:*}
    while [ "$1" != --entrypoint ]; do shift; done
    [ "$BROKEN" != fails ] && [[ $folder != */"$BROKEN" ]] || exit 125
    [ "$BROKEN" != empty ] || exit 0
    mkdir -p "$folder"
    program=$2
    shift 3
    for argument; do set -- "$@" "${argument//\/volume/$folder}"; shift; done
    "$program" "$@"
    [ "$BROKEN" != partly ] || exit 2
    ;;
esac
"""


@pytest.fixture
def ready(tmp_path):
    """Call ready.sh in a checkout with a roster, on an engine where the hubs of these classes run."""
    place = tmp_path / "checkout/docker/jupyterhub"
    place.mkdir(parents=True)
    for name in ("ready.sh", "settings.sh", "students.py", "state.py"):
        shutil.copy(FOLDER / name, place)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/docker").write_text('#!/bin/sh\n[ -z "$RUNNING" ] || echo "$RUNNING"\n')
    (tmp_path / "bin/docker").chmod(0o755)

    def call(roster, running=""):
        if roster is not None:
            (tmp_path / "checkout/students.txt").write_text(roster)
        path = f"{tmp_path}/bin:{Path(sys.executable).parent}:{os.environ['PATH']}"
        environ = os.environ | {"PATH": path, "RUNNING": running}
        done = subprocess.run([place / "ready.sh"], env=environ, capture_output=True, text=True)
        return done.returncode, done.stderr

    return call


def test_what_keeps_a_class_from_starting_is_said_before_it_is_built(ready):
    assert "students.txt is missing: write the names" in ready(None)[1]
    assert "students.txt is missing" in ready("")[1]
    assert "students.txt, line 2: a name has at most" in ready("anna\n..\n")[1]
    status, said = ready("anna\n", running="another-class")
    assert (status, "the class another-class runs on this machine" in said) == (1, True)
    for running in ("", "lxmls-class"):
        assert ready("anna\n", running) == (0, "")


class Volumes:
    """Volumes of a class, as folders, and volumes.sh on an engine that has them."""

    def __init__(self, folder):
        self.folder, self.log = folder / "volumes", folder / "volumes.log"
        for name in ("lxmls-class_state", "lxmls-student-anna-runs", "lxmls-student-b-2dx-results"):
            (self.folder / name / "inner").mkdir(parents=True)
            (self.folder / name / "inner" / "of-all").write_text(name)
        (folder / "bin").mkdir()
        (folder / "bin" / "docker").write_text(DOCKER)
        (folder / "bin" / "docker").chmod(0o755)
        self.environ = os.environ | {"PATH": f"{folder}/bin:{os.environ['PATH']}", "VOLUMES": str(self.folder)}

    def call(self, *arguments, **settings):
        command = [FOLDER / "volumes.sh", *map(str, arguments)]
        return subprocess.run(
            command, env=self.environ | settings, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )

    def files(self):
        """Return what all files hold."""
        return {
            str(path.relative_to(self.folder)): path.read_text() for path in self.folder.rglob("*") if path.is_file()
        }


@pytest.fixture
def volumes(tmp_path):
    return Volumes(tmp_path)


def test_a_backup_is_restored(volumes, tmp_path):
    before = volumes.files()
    made = volumes.call("backup", tmp_path / "backup", LAB_TAG="my-tag")
    assert made.returncode == 0, made.stderr
    assert "lxmls-rnn-student:my-tag" in volumes.log.read_text()
    assert (tmp_path / "backup").stat().st_mode & 0o077 == 0
    assert "exists already" in volumes.call("backup", tmp_path / "backup").stderr
    (volumes.folder / "lxmls-student-anna-runs" / "inner" / "of-all").write_text("changed")
    (volumes.folder / "lxmls-student-anna-runs" / ".later").write_text("later")
    shutil.rmtree(volumes.folder / "lxmls-class_state")
    restored = volumes.call("restore", tmp_path / "backup")
    assert restored.returncode == 0, restored.stderr
    assert volumes.files() == before


def test_a_restore_that_fails_for_one_student_goes_on_and_names_it(volumes, tmp_path):
    before = volumes.files()
    volumes.call("backup", tmp_path / "backup")
    for name in volumes.folder.iterdir():
        (name / "inner" / "of-all").write_text("changed")
    failed = volumes.call("restore", tmp_path / "backup", BROKEN="lxmls-student-anna-runs")
    assert (failed.returncode, "are restored" in failed.stdout) == (1, False)
    assert "not restored: lxmls-student-anna-runs. " in failed.stderr
    assert volumes.files() == before | {"lxmls-student-anna-runs/inner/of-all": "changed"}


def test_a_students_file_may_have_any_name(volumes, tmp_path):
    odd = volumes.folder / "lxmls-student-anna-runs"
    for name in (".new", ".restored", "-rf", "a\nb"):
        (odd / name).write_text(name)
    before = volumes.files()
    assert volumes.call("backup", tmp_path / "backup").returncode == 0
    shutil.rmtree(odd)
    restored = volumes.call("restore", tmp_path / "backup")
    assert restored.returncode == 0, restored.stderr
    assert volumes.files() == before


@pytest.mark.parametrize("broken", ["fails", "empty", "partly"])
def test_a_backup_without_a_whole_archive_of_each_volume_is_none(volumes, tmp_path, broken):
    assert volumes.call("backup", tmp_path / "backup", BROKEN=broken).returncode != 0
    assert not (tmp_path / "backup").exists()
    before = volumes.files()
    assert "was not finished" in volumes.call("restore", tmp_path / "backup.unfinished").stderr
    assert volumes.files() == before
    assert volumes.call("backup", tmp_path / "backup").returncode == 0


def test_a_damaged_backup_replaces_nothing(volumes, tmp_path):
    volumes.call("backup", backup := tmp_path / "backup")
    (volumes.folder / "lxmls-class_state" / "newer").touch()
    before = volumes.files()
    archive = backup / "lxmls-student-b-2dx-results.tar.gz"
    whole = archive.read_bytes()
    cut = gzip.compress(gzip.decompress(whole)[:1600])
    damage = {
        whole[:-9]: "damaged",
        b"": "damaged",
        gzip.compress(b""): "empty|damaged",
        gzip.compress(b"a" * 999): "damaged",
        cut: "damaged",
    }
    for content, reason in damage.items():
        archive.write_bytes(content)
        refused = volumes.call("restore", backup)
        assert refused.returncode == 1
        assert re.search(reason, refused.stderr), content
        assert volumes.files() == before
    archive.rename(backup / "another.tar.gz")
    assert "not a volume of a class" in volumes.call("restore", backup).stderr
    assert "is missing" in volumes.call("restore", tmp_path).stderr
    assert volumes.files() == before


def test_files_of_a_class_that_runs_are_neither_backed_up_nor_replaced(volumes, tmp_path):
    for command in ("backup", "restore"):
        refused = volumes.call(command, tmp_path / "backup", RUNNING="anna")
        assert (refused.returncode, "make class-down" in refused.stderr) == (1, True)
    assert not (tmp_path / "backup").exists()


def test_nothing_is_erased_without_a_yes(volumes):
    refused = volumes.call("erase")
    assert (refused.returncode, "nothing is erased" in refused.stderr) == (1, True)
    assert "volume rm" not in volumes.log.read_text()


def test_erasing_stops_the_class_and_leaves_no_volume_of_it(volumes):
    for name in ("lxmls-class_proxy", "lxmls-kernels-anna", "of-something-else"):
        (volumes.folder / name).mkdir()
    erased = volumes.call("erase", "--yes", RUNNING="anna")  # with --all, also one whose start was broken off
    assert erased.returncode == 0, erased.stderr
    assert [path.name for path in volumes.folder.iterdir()] == ["of-something-else"]
    log = volumes.log.read_text()
    assert log.index("stop hub") < log.index("rm --force --volumes anna") < log.index("volume rm")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_files_keep_their_owners_and_modes(volumes, tmp_path):
    file = volumes.folder / "lxmls-student-anna-runs" / "inner" / "of-all"
    for path, mode in ((file, 0o640), (file.parent, 0o750), (file.parent.parent, 0o700)):
        os.chown(path, 12345, 54321)
        path.chmod(mode)
    assert volumes.call("backup", tmp_path / "backup").returncode == 0
    shutil.rmtree(file.parent.parent)
    assert volumes.call("restore", tmp_path / "backup").returncode == 0
    found = [path.stat() for path in (file, file.parent, file.parent.parent)]
    assert [(stat.st_uid, stat.st_gid, stat.st_mode & 0o777) for stat in found] == [
        (12345, 54321, mode) for mode in (0o640, 0o750, 0o700)
    ]


def test_collecting_can_change_no_volume(volumes, tmp_path):
    subprocess.run([FOLDER / "collect.sh", tmp_path / "handed-in"], env=volumes.environ, check=True)
    assert re.findall(r"--volume (lxmls-student-\S+)", volumes.log.read_text()) == [
        "lxmls-student-anna-runs:/class/anna/runs:ro",
        "lxmls-student-b-2dx-results:/class/b-2dx/results:ro",
    ]


def test_only_under_a_domain_the_teachers_session_may_do_everything(hub_of):
    def admins(**settings):
        roles = hub_of(**settings).config.JupyterHub.load_roles
        return next(role["users"] for role in roles if role["name"] == "admin")

    assert admins() == []
    assert admins(CLASS_DOMAIN="https://lab.example.org") == ["teacher"]


def test_thirty_servers_fit_into_24_gb(hub_of, monkeypatch):
    compose = (FOLDER / "docker-compose.yml").read_text()
    memory = re.search(r"CLASS_MEMORY: \$\{CLASS_MEMORY:-(\w+)\}", compose).group(1)
    sizes = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": int(23.4 * GB) // 4096}  # what a machine of 24 GB reports
    monkeypatch.setattr(os, "sysconf", sizes.__getitem__)
    assert hub_of(CLASS_MEMORY=memory).config.JupyterHub.active_server_limit >= 30


def test_a_start_shows_how_far_it_has_come(hub_of, monkeypatch):
    async def docker(method, *_, **options):
        if container is None:
            raise ReadTimeout("a busy engine")
        return container

    async def shown():
        nonlocal container
        events = spawner.progress()
        yield await anext(events)
        container = {"Id": "1", "State": {}}
        container["State"]["Running"] = True
        yield await anext(events)
        monkeypatch.setattr(spawning, "SLOW_SECONDS", 0)
        yield await anext(events)

    async def messages():
        return [event["message"] async for event in shown()]

    from requests import ReadTimeout

    spawner, container = hub_of().spawner("anna"), None
    spawning = sys.modules["spawning"]
    monkeypatch.setattr(spawning, "PROGRESS_SECONDS", 0)
    spawner.docker, spawner.object_id = docker, "1"
    assert asyncio.run(messages()) == [
        "Docker makes a container of the lab.",
        "The container runs. JupyterLab starts in it.",
        "Still starting after 0 s: several servers share this machine.",
    ]
