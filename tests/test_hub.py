"""What the hub of a class gives its containers, as its own spawner makes it of the settings, without Docker."""

import asyncio
import functools
import os
import re
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
    "CLASS_STUDENTS": "40",
    "CLASS_TEACHER": "teacher",
    "LAB_DATA": "/data",
    "LAB_DEVICE": "auto",
    "LAB_RUNTIME": "nvidia",
    "LAB_THEANO_FLAGS": "",
}


GB, MB = 1 << 30, 1 << 20
GOOD = "a-long-password"


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
    names = "jupyterhub", "dockerspawner", "jupyterhub-nativeauthenticator"
    assert {name: version(name) for name in names} == {name: pinned[name] for name in names}


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
    """Stand-in for a request: the address and cookies of a browser, and where it was sent."""

    def __init__(self, address="192.0.2.1"):
        super().__init__(request=SimpleNamespace(remote_ip=address), hub=SimpleNamespace(base_url="/hub/"), cookies={})
        self.sent = []
        self.redirect = self.sent.append

    def get_secure_cookie(self, name, max_age_days):
        return self.cookies.get(name)

    def _set_cookie(self, name, value, **options):
        self.cookies[name] = value.encode()


@pytest.fixture
def accounts(hub_of, monkeypatch, tmp_path):
    """The accounts of a class of two, with passwords that are checked fast."""
    import bcrypt
    from sqlalchemy import create_engine
    from sqlalchemy.orm import Session

    monkeypatch.setattr(bcrypt, "gensalt", functools.partial(bcrypt.gensalt, rounds=4))  # slow by design
    config = hub_of(CLASS_STUDENTS="2").config
    config.ClassAuthenticator.roster = str(tmp_path / "students.txt")
    return config.JupyterHub.authenticator_class(db=Session(create_engine("sqlite://")), config=config)


def log_in(accounts, name, password, browser=None):
    """Return the name of who is in, where the browser was sent, or the status of a refusal."""
    from tornado.web import Finish, HTTPError

    browser = browser or Browser()
    try:
        return asyncio.run(accounts.authenticate(browser, {"username": name, "password": password}))
    except Finish:
        return browser.sent
    except HTTPError as error:
        return error.status_code


def admitted(accounts, *names):
    """Make accounts with the password GOOD, which the teacher admits."""
    for name in names:
        assert asyncio.run(accounts.sign_up(name, GOOD)) is None
        accounts.get_user(name).is_authorized = True


def test_the_teachers_first_password_opens_only_the_page_that_changes_it(accounts):
    before = accounts.give_first_password()
    assert log_in(accounts, "Teacher", before) == ["/hub/first-password"]
    after = accounts.give_first_password()
    assert log_in(accounts, "Teacher", before) is None
    assert log_in(accounts, "Teacher", after) == ["/hub/first-password"]
    teacher = accounts.new_teacher()
    assert asyncio.run(accounts.set_password(teacher, "a password of my own")) is None
    teacher.is_authorized = True
    assert log_in(accounts, "Teacher", after) is None
    assert log_in(accounts, "Teacher", "a password of my own") == "teacher"
    assert accounts.new_teacher() is None
    accounts.give_first_password()
    assert log_in(accounts, "Teacher", "a password of my own") is None


OLDER = """
import subprocess, sys
from jupyterhub import dbutil
with dbutil._temp_alembic_ini("sqlite:///jupyterhub.sqlite") as settings:
    subprocess.check_call([sys.executable, "-m", "alembic", "-c", settings, "downgrade", "4621fec11365"])
"""


@pytest.mark.daily("starts six processes")
def test_accounts_of_a_hub_with_jupyterhub_5_are_kept(tmp_path):
    def python(*command):
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # alembic is a command
        environ = os.environ | {"CLASS_TEACHER": "teacher", "PATH": path}
        return subprocess.run(
            [sys.executable, *command], cwd=tmp_path, env=environ, capture_output=True, text=True, check=True
        ).stdout

    assert "its first password" in python(FOLDER / "teacher.py")
    python("-c", OLDER)
    assert python(FOLDER / "teacher.py") == "The teacher's account is teacher; its password is unchanged.\n"
    assert len(list(tmp_path.glob("jupyterhub.sqlite*"))) == 2  # one is a copy


def test_a_name_and_a_password_that_are_easy_to_guess_or_too_long_are_refused(accounts):
    refused = {
        ("anna", "annaannaanna"): "more than the name",
        ("Anna", "Anna-anna-1"): "more than the name",
        ("anna", "9 letters"): "at least 10 characters",
        ("anna", "password12"): "not a common one",
        ("anna", "ä" * 37): "72 at most",  # in bytes, as bcrypt counts
        ("a" * 300, GOOD): "at most 40 characters",
        ("anna b", GOOD): "no spaces",
    }
    for (name, password), reason in refused.items():
        assert reason in (asyncio.run(accounts.sign_up(name, password)) or ""), (name, password)
    assert asyncio.run(accounts.sign_up("anna", "anna likes LSTMs")) is None
    assert "already in use" in asyncio.run(accounts.sign_up("Anna", GOOD))


def test_sign_ups_at_once_are_no_more_than_the_class_holds(accounts):
    async def all_at_once():
        return await asyncio.gather(*(accounts.sign_up(f"robot{n}", GOOD) for n in range(9)), return_exceptions=True)

    accounts.give_first_password()
    made = asyncio.run(all_at_once())
    assert made[:2] == [None, None]
    assert {str(error) for error in made[2:]} == {
        "HTTP 403: Forbidden (The class is full: there are accounts for 2 students. Ask the teacher.)"
    }


def test_the_hub_answers_while_a_password_is_checked(accounts, monkeypatch):
    import bcrypt

    admitted(accounts, "anna")
    answered = threading.Event()
    monkeypatch.setattr(bcrypt, "checkpw", lambda *_: answered.wait(30))

    async def both():
        login = asyncio.create_task(accounts.authenticate(Browser(), {"username": "anna", "password": GOOD}))
        await asyncio.sleep(0)  # the check begins
        answered.set()
        return await login

    assert asyncio.run(both()) == "anna"


def test_who_guesses_keeps_out_no_browser_that_has_logged_in_before(accounts):
    admitted(accounts, "anna")
    own, guesser = Browser(), Browser()  # at one address, as behind one router
    assert log_in(accounts, "anna", GOOD, own) == "anna"
    assert [log_in(accounts, "anna", f"guess {n}", guesser) for n in range(6)] == [None] * 5 + [429]
    assert log_in(accounts, "anna", GOOD, guesser) == 429
    assert log_in(accounts, "anna", GOOD, own) == "anna"
    # and the cookie of one account is of no use for another
    guesser.cookies = {name: b"ben" for name in own.cookies}
    assert log_in(accounts, "anna", GOOD, guesser) == 429


def test_guesses_are_limited_by_address_and_in_total(accounts):
    admitted(accounts, "anna", "ben")
    known = Browser()
    assert log_in(accounts, "ben", GOOD, known) == "ben"
    guesses = [log_in(accounts, f"name{n}", "a guess") for n in range(25)]
    assert guesses == [None] * 20 + [429] * 5
    assert log_in(accounts, "anna", GOOD) == 429
    assert log_in(accounts, "anna", GOOD, Browser("192.0.2.2")) == "anna"
    for n in range(10):
        for m in range(10):
            log_in(accounts, f"name{n}{m}", "a guess", Browser(f"198.51.100.{n}"))
    assert log_in(accounts, "anna", GOOD, Browser("192.0.2.2")) == 429
    assert log_in(accounts, "ben", GOOD, known) == "ben"


def test_wrong_names_keep_out_no_browser_of_the_teacher(accounts):
    accounts.give_first_password()
    teacher = accounts.new_teacher()
    assert asyncio.run(accounts.set_password(teacher, "a password of my own")) is None
    teacher.is_authorized = True
    for n in range(101):
        log_in(accounts, f"name{n}", "a guess", Browser(f"198.51.100.{n // 10}"))
    assert log_in(accounts, "anna", GOOD, Browser("198.51.100.1")) == 429
    guesses = [log_in(accounts, "teacher", f"guess {n}", Browser("198.51.100.1")) for n in range(4)]
    assert guesses == [None] * 4
    assert log_in(accounts, "Teacher", "a password of my own", Browser("198.51.100.1")) == "teacher"
    guesses = [log_in(accounts, "teacher", f"guess {n}", Browser(f"203.0.113.{n}")) for n in range(6)]
    assert guesses == [None] * 5 + [429]


def test_a_student_of_the_roster_need_not_wait(accounts, tmp_path):
    (tmp_path / "students.txt").write_text("\ufeffAnna\r\n\r\nzoë \r\n", encoding="utf-8")
    for name, logged_in in (("anna", "anna"), ("Zoë", "zoë"), ("ann", 403)):
        accounts.students = 9
        assert asyncio.run(accounts.sign_up(name, GOOD)) is None
        assert log_in(accounts, name, GOOD) == logged_in


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


def test_guesses_are_forgotten_after_their_time(accounts):
    now = [0.0]
    accounts.guesses.clock = lambda: now[0]
    admitted(accounts, "anna")
    for n in range(5):
        log_in(accounts, "anna", f"guess {n}")
    assert log_in(accounts, "anna", GOOD) == 429
    now[0] = 601.0
    assert log_in(accounts, "anna", GOOD) == "anna"
    assert not any(accounts.guesses.times.values())


def test_a_start_may_take_as_long_as_its_container(hub_of):
    spawner = hub_of().spawner("anna")
    assert spawner.http_timeout == spawner.start_timeout == 300


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
