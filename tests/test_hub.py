"""The hub of a class: accounts, settings and start without Docker, and a hub whose servers are local processes."""

import asyncio
import http.cookiejar
import importlib
import io
import json
import os
import re
import runpy
import shutil
import socket
import subprocess
import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
from environment import wait_until
from visitor import Visitor

if find_spec("dockerspawner") is None:
    pytest.skip("the hub's packages are not installed: they are not in the image", allow_module_level=True)
FOLDER = Path(__file__).parents[1] / "docker" / "jupyterhub"
GB = 1 << 30
ADDRESS = "https://lab.school.example"


@pytest.fixture
def accounts(monkeypatch, tmp_path):
    """The module accounts.py, which keeps its files in a folder of the test."""
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLASS_ADDRESS", ADDRESS)
    return importlib.import_module("accounts")


def call(folder, *arguments, names=b""):
    """Call `python -m accounts` as in the hub's container, but in this process."""
    status, output, errors = 0, io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(output), redirect_stderr(errors):
        patch.syspath_prepend(FOLDER)
        patch.chdir(folder)
        patch.setenv("CLASS_ADDRESS", ADDRESS)
        patch.setattr(sys, "argv", ["accounts", *arguments])
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(names)))
        try:
            runpy.run_module("accounts", run_name="__main__")
        except SystemExit as end:
            status = 1
            print(end, file=errors)
    return SimpleNamespace(returncode=status, stdout=output.getvalue(), stderr=errors.getvalue())


def passwords(sheet):
    """Return the passwords of a sheet by name."""
    return dict(re.findall(r"name: (\w+) +password: ([a-z2-9]{4}-[a-z2-9]{4}-[a-z2-9]{4})$", sheet, re.MULTILINE))


def test_a_list_becomes_accounts_and_a_sheet_and_known_names_keep_their_passwords(accounts, tmp_path):
    names = "\ufeffAnna Müller\r\n\r\n  Zoë O'Hara-2 \r\nStraße\n".encode()
    made = call(tmp_path, "add", names=names)
    first = passwords(made.stdout)
    assert list(first) == ["teacher", "annamuller", "zoeohara2", "strasse"]
    assert f"Anna Müller\n    {ADDRESS}    name: annamuller" in made.stdout
    assert made.stderr == "3 names, 3 of them new.\n"
    stored = Path("accounts.json").read_text()
    assert not [word for word in first.values() if word in stored or word.replace("-", "") in stored]
    assert Path("accounts.json").stat().st_mode & 0o777 == 0o600
    again = call(tmp_path, "add", names=names)
    assert (again.stdout, again.stderr) == ("", "3 names, 0 of them new.\n")
    late = call(tmp_path, "add", names=names + b"ben\n")
    assert (list(passwords(late.stdout)), late.stderr) == (["ben"], "4 names, 1 of them new.\n")
    assert json.loads(stored).items() <= accounts.read().items()


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ("", "The list has 0 names: write 1 to 1000"),
        ("\n".join(f"s{n}" for n in range(2000)), "The list has 2000 names"),
        ("anna\n\nANNA", "Line 3, 'ANNA': the account anna is yours or of a line above"),
        ("Zoë\nZoe\u0308", "Line 2, .*: the account zoe is yours or of"),
        ("Teacher", "Line 1, 'Teacher': the account teacher is yours"),
        *((name, f"Line 1, {name!r}: write this name with") for name in ("Łukasz", "李", "-", "a" * 33, "٣")),
        ("anna".encode("utf-16"), "The list of names is not in UTF-8"),
    ],
)
def test_a_list_with_a_wrong_line_makes_no_account(accounts, names, says):
    content = names if isinstance(names, bytes) else names.encode()
    with pytest.raises(SystemExit, match=says):
        accounts.names(content)


def test_a_refused_list_leaves_nothing(tmp_path):
    refused = call(tmp_path, "add", names=b"anna\nanna\n")
    assert (refused.returncode, refused.stdout, list(tmp_path.iterdir())) == (1, "", [])
    assert len(refused.stderr.splitlines()) == 1
    assert call(tmp_path, "reset", "nobody").stderr == "There is no account nobody.\n"


@pytest.mark.parametrize("command", ["reset", "remove"])
def test_without_a_hub_that_answers_an_account_stays_as_it_is(accounts, tmp_path, command):
    accounts.give({"anna": "Anna"})
    before = accounts.read()
    refused = call(tmp_path, command, "anna")
    assert (refused.returncode, refused.stdout, accounts.read()) == (1, "", before)
    assert refused.stderr.startswith("The hub does not answer, and nothing has changed")
    assert len(refused.stderr.splitlines()) == 1


def test_an_account_whose_session_starts_the_server_again_is_ended_all_the_same(accounts, monkeypatch):
    answers = iter([("anna/server", 202), ("anna/server", 204), ("anna", 400), ("anna/server", 204), ("anna", 204)])

    def delete(what):
        asked, status = next(answers)
        assert what == asked
        return status

    monkeypatch.setattr(accounts, "delete", delete)
    monkeypatch.setattr(accounts.time, "sleep", lambda seconds: None)
    accounts.end("anna")
    assert not list(answers)


def test_who_has_no_account_is_compared_as_often_as_who_has_one(accounts, monkeypatch):
    right = passwords(accounts.give({"anna": "Anna"}))["anna"]
    compared, compare = [], accounts.compare_token
    monkeypatch.setattr(accounts, "compare_token", lambda *both: compared.append(both) or compare(*both))

    def log_in(**data):
        return asyncio.run(accounts.ClassAuthenticator().authenticate(None, data))

    assert log_in(username="Anna", password=f" {right.upper().replace('-', ' ')}") == "anna"
    assert log_in(username="anna", password="x" * 12) is log_in(username="nobody", password="x" * 12) is None
    assert log_in() is log_in(username="anna") is None
    rounds = {stored.split(":")[1] for stored, _ in compared}
    assert (len(compared), rounds) == (5, {"16384"})


@pytest.fixture
def spawner_of(accounts, monkeypatch):
    """Make a spawner of the hub's settings; `spawner.config` has them all."""
    from jupyterhub.objects import Hub
    from traitlets.config import PyFileConfigLoader

    def make(name, **settings):
        for variable, value in settings.items():
            monkeypatch.setenv(variable, value)
        config = PyFileConfigLoader(str(FOLDER / "jupyterhub_config.py")).load_config()
        user = SimpleNamespace(name=name, url=f"/user/{name}", settings={}, id=1)
        return config.JupyterHub.spawner_class(config=config, _mock=True, user=user, hub=Hub())

    return make


def test_a_students_container_has_the_limits_of_its_settings(spawner_of, monkeypatch):
    sizes = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": int(23.4 * GB) // 4096}  # what a machine of 24 GB reports
    monkeypatch.setattr(os, "sysconf", sizes.__getitem__)
    anna = spawner_of("anna", CLASS_MEMORY="768M", CLASS_CPUS="1.5")
    assert anna.config.JupyterHub.active_server_limit == 31
    assert (anna.mem_limit, anna.cpu_limit, anna.network_name) == (768 << 20, 1.5, "lxmls-student-anna")
    assert anna.extra_host_config == {
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "memswap_limit": 768 << 20,
        "pids_limit": 1024,
        "read_only": True,
        "ulimits": [{"Name": "fsize", "Soft": 2 * GB, "Hard": 2 * GB}],
        "log_config": {"type": "local"},
    }
    assert {(mount["Type"], mount["Source"]) for mount in anna.mount_binds} == {("volume", "")}
    assert anna.volume_binds["/data"] == {"bind": "/opt/lab/data", "mode": "ro"}
    gpu = spawner_of("anna", LAB_RUNTIME="nvidia")
    assert gpu.extra_host_config["runtime"] == "nvidia"
    assert gpu.volume_binds["lxmls-kernels-anna"]["bind"] == "/opt/lab/cache/gpu"


def test_only_settings_that_are_set_reach_a_students_server(spawner_of):
    given = {"LXMLS_DEVICE": "cpu", "LXMLS_CORPUS": "mine", "THEANO_FLAGS": "floatX=float32"}
    asked = {"LAB_DEVICE": "cpu", "LXMLS_CORPUS": "mine", "LAB_THEANO_FLAGS": "floatX=float32"}
    assert spawner_of("anna", **asked).get_env().items() >= given.items()
    # an empty one would be taken for a choice
    assert not given.keys() & spawner_of("ben", **dict.fromkeys(asked, "")).get_env().keys()


def test_the_network_is_closed_and_the_teachers_session_no_admin_unless_a_setting_says_so(spawner_of):
    def facts(**settings):
        spawner = spawner_of("teacher", **settings)
        hub = spawner.config.JupyterHub
        return spawner.closed, next(role["users"] for role in hub.load_roles if role["name"] == "admin"), hub.public_url

    assert facts() == (True, [], "")
    assert facts(CLASS_NETWORK="open", CLASS_DOMAIN=ADDRESS) == (False, ["teacher"], ADDRESS)


def test_the_teacher_alone_sees_the_work_of_all_accounts_and_cannot_change_it(accounts, spawner_of):
    accounts.give({"teacher": "The teacher", "anna": "Anna"})
    teacher, anna = spawner_of("teacher"), spawner_of("anna")
    accounts.give({"ben": "Ben"})  # later than the settings
    shown = {
        f"lxmls-student-{name}-{part}": {"bind": f"/opt/lab/class/{name}/{part}", "mode": "ro"}
        for name in ("anna", "ben")
        for part in ("notebooks", "runs", "results")
    }
    assert {name: bind for name, bind in teacher.volume_binds.items() if "/class/" in bind["bind"]} == shown
    assert teacher.get_env()["LXMLS_CLASS"] == "/opt/lab/class"
    assert "/class/" not in str(anna.volume_binds)
    assert "LXMLS_CLASS" not in anna.get_env()


# An engine of a version, none if it is empty; a port is in use if $PORT says so. It notes what it is asked.
DOCKER = r"""#!/bin/sh
echo "$@" >>"$0.log"
[ "$ENGINE" ] || { echo; echo "Cannot connect to the Docker daemon"; exit 1; }
case "$*" in
version*) echo "$ENGINE" ;;
*--service-ports*) [ -z "$PORT" ] || { echo "$PORT" >&2; exit 1; } ;;
*"test -s"*) exit 1 ;;
esac
"""


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"ENGINE": ""}, "Docker does not answer: Cannot connect to the Docker daemon"),
        ({"ENGINE": "25.0.4"}, "This is Docker Engine 25.0.4, and a class needs 26 or newer"),
        ({"STUDENTS": "nowhere.txt"}, "STUDENTS=nowhere.txt is neither a number nor a file: make class STUDENTS=25"),
        ({"PORT": "port is already allocated"}, "CLASS_PORT in .env choose another. Docker says: port is already"),
        ({"STUDENTS": ""}, "The class has no accounts: make class STUDENTS=25"),
    ],
)
def test_what_keeps_a_class_from_starting_is_said_in_a_sentence_before_accounts_are_made(tmp_path, settings, says):
    for name in ("docker/jupyterhub", "scripts", "bin"):
        (tmp_path / name).mkdir(parents=True)
    script = shutil.copy(FOLDER / "class.sh", tmp_path / "docker/jupyterhub")
    for name, text in {"bin/docker": DOCKER, "scripts/gpu.sh": "#!/bin/sh\n"}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    environ = {"ENGINE": "26.1.5", "STUDENTS": "3", "PORT": ""} | settings
    path = f"{tmp_path}/bin:{os.environ['PATH']}"
    refused = subprocess.run([script, "up"], env=os.environ | environ | {"PATH": path}, capture_output=True, text=True)
    assert (refused.returncode, refused.stdout, len(refused.stderr.splitlines())) == (1, "", 1)
    assert says in refused.stderr
    assert not re.search("accounts add|lab|up --detach", (tmp_path / "bin/docker.log").read_text())
    assert not (tmp_path / "passwords.txt").exists()


CONFIG = """
load_subconfig("{folder}/jupyterhub_config.py")
c.JupyterHub.bind_url = "http://127.0.0.1:{ports[0]}"
c.JupyterHub.hub_ip = c.JupyterHub.hub_connect_ip = "127.0.0.1"
c.JupyterHub.hub_port = {ports[1]}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{ports[2]}"
c.ConfigurableHTTPProxy.command = ["{proxy}"]
c.ConfigurableHTTPProxy.pid_file = "proxy.pid"
c.JupyterHub.spawner_class = "jupyterhub.spawner.SimpleLocalProcessSpawner"
c.SimpleLocalProcessSpawner.home_dir_template = "{here}/{{username}}"
c.Spawner.cmd = ["jupyterhub-singleuser", "--allow-root"]
"""


@pytest.fixture(scope="module")
def proxy(tmp_path_factory):
    """The hub's proxy, in the version of the image."""
    if not shutil.which("npm"):
        pytest.skip("there is no npm, which installs the hub's proxy")
    folder = tmp_path_factory.mktemp("proxy")
    for file in (FOLDER / "proxy").iterdir():
        shutil.copy(file, folder)
    subprocess.run(["npm", "ci", "--silent", "--ignore-scripts"], cwd=folder, check=True)
    return folder / "node_modules/.bin/configurable-http-proxy"


@contextmanager
def running_hub(here, proxy, **settings):
    """Run a hub with the settings of a class and accounts of these names; yield its address and passwords."""
    sheet = passwords(call(here, "add", names=b"anna\nben\n").stdout)
    free = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    ports = [server.getsockname()[1] for server in free]
    [server.close() for server in free]
    (here / "config.py").write_text(CONFIG.format(folder=FOLDER, here=here, proxy=proxy, ports=ports))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environ = os.environ | settings | {"PYTHONPATH": str(FOLDER), "PATH": path}
    with (
        (here / "log").open("w") as log,
        subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "--config=config.py"], cwd=here, env=environ, stdout=log, stderr=log
        ) as hub,
    ):
        try:
            address = f"http://127.0.0.1:{ports[0]}"
            wait_until(lambda: hub.poll() is not None or answers(address))
            assert hub.poll() is None, (here / "log").read_text()
            yield SimpleNamespace(address=address, passwords=sheet, folder=here, api=ports[1])
        finally:
            hub.terminate()


def answers(address):
    try:
        return Visitor(address).ask("/hub/health")[0] == 200
    except OSError:
        return False


class SendAll(http.cookiejar.DefaultCookiePolicy):
    """Policy of a browser whose connection is TLS up to a proxy: it sends Secure cookies too."""

    def return_ok_secure(self, cookie, request):
        return True


real = pytest.mark.daily("starts a hub, its proxy, which npm installs, and servers of students")


@pytest.fixture(scope="module")
def hub(proxy, tmp_path_factory):
    with running_hub(tmp_path_factory.mktemp("hub"), proxy) as hub:
        yield hub


@real
def test_the_right_password_is_let_in_and_any_other_refused_from_wherever_it_comes(hub):
    right = hub.passwords["anna"]
    for headers in ({}, {"X-Real-IP": "203.0.113.7"}, {"X-Forwarded-For": "203.0.113.8"}):

        def log_in(name, password, headers=headers):
            return Visitor(hub.address, **headers).log_in(name, password)

        wrong = [("anna", hub.passwords["ben"]), ("anna", ""), ("nobody", right), ("anna", "x" * 1_000_000)]
        assert {log_in(*pair) for pair in [*wrong, *[("anna", "a-wrong-one")] * 30]} == {403}
        assert log_in("anna", right) == 200  # after all these
    assert Visitor(hub.address).log_in("ANNA", right.upper()) == 200


@real
def test_a_page_of_a_student_can_do_nothing_in_the_teachers_session(hub):
    """JavaScript of a student's server, which asks for any page of this address, with its token."""
    teacher = Visitor(hub.address)
    assert teacher.log_in("teacher", hub.passwords["teacher"]) == 200
    assert {teacher.ask(path)[0] for path in ("/hub/admin", "/hub/api/users", "/hub/api/users/anna")} <= {403, 404}
    asked = "/hub/api/users/anna/server", "/hub/api/users/anna/tokens", "/hub/api/users/anna"
    assert {teacher.ask(path, method=method)[0] for path in asked for method in ("POST", "DELETE")} <= {403, 404, 405}


@real
def test_no_page_lets_anybody_make_or_change_an_account_and_another_sites_page_does_nothing(hub):
    anna = Visitor(hub.address)
    assert anna.log_in("anna", hub.passwords["anna"]) == 200
    asked = "/hub/signup", "/hub/auth/change-password", "/hub/authorize/ben"
    assert {anna.ask(path)[0] for path in asked} == {anna.ask(path, password="mine")[0] for path in asked} == {404}
    assert anna.ask("/hub/login", token=False, username="anna", password=hub.passwords["anna"])[0] == 403
    assert anna.ask("/hub/api/users/anna/server", method="POST", token=False)[0] == 403
    assert {cookie.get_nonstandard_attr("SameSite") for cookie in anna.cookies} == {"Lax"}


def sees_files(visitor):
    """Return whether somebody sees the files on anna's server."""
    return '"type": "directory"' in visitor.ask("/user/anna/api/contents")[1]


@real
def test_a_new_password_ends_the_server_and_old_sessions_which_stay_ended(hub, accounts, monkeypatch):
    anna, ben, right = Visitor(hub.address), Visitor(hub.address), hub.passwords["anna"]
    assert (anna.log_in("anna", right), ben.log_in("ben", hub.passwords["ben"])) == (200, 200)
    assert anna.start("anna")[0] in (201, 202)
    wait_until(lambda: "jupyter-config-data" in anna.ask("/user/anna/lab")[1])
    stolen = Visitor(hub.address, cookies=anna.cookies)
    assert (stolen.is_in(), sees_files(stolen)) == (True, True)
    assert ben.ask("/user/anna/api/contents")[0] == 403

    monkeypatch.chdir(hub.folder)
    monkeypatch.setattr(accounts, "API", f"http://127.0.0.1:{hub.api}/hub/api/users/")
    new = passwords(accounts.give({"anna": "Anna"}))["anna"]
    accounts.end("anna")
    assert (stolen.is_in(), sees_files(stolen)) == (False, False)
    assert (Visitor(hub.address).log_in("anna", right), Visitor(hub.address).log_in("anna", new)) == (403, 200)
    again = Visitor(hub.address)
    again.log_in("anna", new)
    assert again.start("anna")[0] in (201, 202)
    wait_until(lambda: "jupyter-config-data" in again.ask("/user/anna/lab")[1])
    assert (stolen.is_in(), sees_files(stolen)) == (False, False)
    assert (sees_files(again), ben.is_in()) == (True, True)


@real
@pytest.mark.parametrize(("settings", "secure"), [({"CLASS_URL": ADDRESS}, {True}), ({}, {False})])
def test_cookies_are_secure_behind_the_tls_proxy_that_class_url_names(proxy, tmp_path, settings, secure):
    """The proxy of JupyterHub hides from the hub that a request came by TLS."""

    with running_hub(tmp_path, proxy, **settings) as hub:
        anna = Visitor(hub.address, **{"X-Forwarded-Proto": "https"})
        anna.cookies.set_policy(SendAll())
        assert anna.log_in("anna", hub.passwords["anna"]) == 200
        found = {cookie.name: cookie.secure for cookie in anna.cookies if cookie.name != "_xsrf"}
        assert set(found.values()) == secure, found
