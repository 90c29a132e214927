"""A class on JupyterHub under attack: nobody gets in unseen, fills the machine, or reaches another's server."""

import asyncio
import http.client
import http.cookiejar
import json
import os
import re
import secrets
import shutil
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from container.machine import ROOT, call, image, wait_for
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

whole = pytest.mark.nightly(
    "attacks, limits, restarts and volumes of the class that the daily tests start: ten minutes"
)

SERVERS, DISK = 2, "500M"
GOOD = "a-long-password"
TOKEN = secrets.token_hex(3)
# no volume of a real class is touched
SIX = [f"{name}{TOKEN}" for name in ("anna", "ben", "carla", "dora", "emil", "finn")]
ANNA, BEN, CARLA, DORA, EMIL, FINN = SIX
TEACHER = f"teacher{TOKEN}"

# What becomes of a connection to an address such as gateway:80. The kernel itself answers, however busy the machine is;
# what nobody answers is given up after the third packet.
CONNECT = """
import errno, socket, sys
route = next(line.split()[2] for line in open("/proc/net/route") if line.split()[1] == "00000000")
gateway = socket.inet_ntoa(bytes.fromhex(route)[::-1])
def connect(address):
    name, port = address.replace("gateway", gateway).split(":")
    with socket.socket() as end:
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, 2)
        try:
            end.connect((name, int(port)))
            return "open"
        except OSError as error:
            return errno.errorcode.get(error.errno, error)
"""
CONNECT_ALL = f"{CONNECT}print(*map(connect, sys.argv[1:]), sep='\\n')"

# What a server answers that is asked with the token of the one whose container this is.
ASK = f"""{CONNECT}
import os, urllib.error, urllib.parse, urllib.request
for method, url in (line.split() for line in sys.argv[1:]):
    found = connect(urllib.parse.urlsplit(url).netloc)
    if found == "open":
        headers = {{"Authorization": "token " + os.environ["JUPYTERHUB_API_TOKEN"]}}
        try:
            found = urllib.request.urlopen(urllib.request.Request(url, method=method, headers=headers)).status
        except urllib.error.HTTPError as error:
            found = error.code
    print(found)
"""

# A server on port 9000, until somebody writes a line.
SERVE = """
import http.server, sys, threading
server = http.server.HTTPServer(("", 9000), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print("ready", flush=True)
sys.stdin.readline()
"""

# As many processes as it gets, 3000 at most, until somebody writes a line.
BOMB = """
import os, signal, sys
children = []
try:
    while len(children) < 3000:
        child = os.fork()
        if not child:
            signal.pause()
        children.append(child)
except OSError:
    pass
print(len(children), flush=True)
sys.stdin.readline()
for child in children:
    os.kill(child, signal.SIGKILL)
"""


# Files that come, grow, get another name and go, until somebody writes a line.
CHURN = """
import itertools, os, sys, threading
def write():
    for n in itertools.count():
        with open(f"runs/{n}", "w") as file:
            file.write("a line\\n" * (n % 5000))
        os.replace(f"runs/{n}", "runs/newest")
        if n % 3 == 0:
            os.remove("runs/newest")
threading.Thread(target=write, daemon=True).start()
print("writes", flush=True)
sys.stdin.readline()
"""

# A student has done an exercise and answered a question.
WORK = """
import lab.exercises.progress
lab.exercises.progress.update("forward", state="right", tries=3)
lab.Answer("Why has h one column more than z?").fields[0].value = "Column 0 is h_0."
"""

# The image as it is after notebooks have been changed in the middle of a course.
NEWER = """
FROM {image}
USER 0:0
RUN sed -i 's/# Welcome/# Welcome back/' lab/notebooks/00-welcome.ipynb && \\
    sed -i 's/# Day 6:/# Day 7:/' lab/notebooks/01-exercises.ipynb
USER 1000:1000
"""


class Elsewhere(urllib.request.HTTPSHandler):
    """Connections from an address of this machine, which name a new one in each request."""

    def __init__(self, own, context):
        super().__init__(context=context)
        self.own = own

    def https_open(self, request):
        request.add_unredirected_header("X-Forwarded-For", f"203.0.113.{secrets.randbelow(256)}")
        ways = {"context": self._context, "source_address": (self.own, 0)}
        return self.do_open(http.client.HTTPSConnection, request, **ways)


class Visitor:
    """A browser without JavaScript."""

    def __init__(self, address, *handlers):
        self.address, self.cookies = address, http.cookiejar.CookieJar()
        direct, kept = urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(self.cookies)
        self.opener = urllib.request.build_opener(direct, kept, *handlers)

    def ask(self, path, method=None, token=True, **fields):
        """Return status and text of a page; fields are posted. Pages of other sites do not know the token."""
        xsrf = next((cookie.value for cookie in self.cookies if cookie.name == "_xsrf"), "") if token else ""
        data = urllib.parse.urlencode({**fields, "_xsrf": xsrf}).encode() if fields else None
        request = urllib.request.Request(self.address + path, data, {"X-XSRFToken": xsrf}, method=method)
        try:
            with self.opener.open(request) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def log_in(self, name, password=GOOD):
        """Return whether that worked; it starts no server."""
        return "/hub/logout" in self.login_page(name, password)

    def login_page(self, name, password=GOOD):
        """Log in; return the page that follows."""
        self.ask("/hub/login?next=/hub/home")
        return self.ask("/hub/login?next=/hub/home", username=name, password=password)[1]

    def start(self, name):
        """Ask for a server; return the status."""
        self.ask("/hub/home")
        return self.ask(f"/hub/api/users/{name}/server", method="POST")


class Class:
    """A hub that runs, and its teacher."""

    def __init__(self, lab):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.lab, self.address, self.project = lab, f"http://127.0.0.1:{port}", f"lxmls-class-{TOKEN}"
        self.environ = lab.environ | {
            "HUB_BASE": image("debian:13", "lxmls-rnn-base:debian13", "trixie"),
            "CLASS_PORT": str(port),
            "CLASS_SERVERS": str(SERVERS),
            "CLASS_DISK": DISK,
            "CLASS_TEACHER": TEACHER,
            "CLASS_PROJECT": self.project,
        }
        self.teacher, self.image = Visitor(self.address), f"lxmls-rnn-student:{lab.image.partition(':')[2]}"
        self.roster = lab.folder / "students.txt"
        self.roster.write_text("".join(f"{name}\n" for name in SIX))

    def make(self, target, **options):
        return call("make", target, cwd=self.lab.folder, env=self.environ, **options).stdout

    def compose(self, *arguments, **options):
        files = ["--project-directory", ".", "-p", self.project, "-f", "docker/jupyterhub/docker-compose.yml"]
        return call("docker", "compose", *files, *arguments, cwd=self.lab.folder, env=self.environ, **options)

    def students(self, *arguments, **options):
        """Call students.py in the hub."""
        return self.hub("python", "/etc/students.py", *arguments, **options).stdout

    def hub(self, *command, **options):
        """Run a command in the hub's container."""
        return call("docker", "exec", "-i", f"{self.project}-hub-1", *command, **options)

    def student(self, name):
        """Write a name into the roster, unless it is there, and log in; return the browser."""
        names = self.roster.read_text().split()
        if name not in names:
            self.roster.write_text("\n".join([*names, name]))
            self.make("class-students")
        visitor = Visitor(self.address)
        wait_for(lambda: visitor.log_in(name), f"{name} logs in, who may have to wait after a wrong password")
        return visitor

    def at_work(self, name):
        """Log in as a student and start the server; return the browser."""
        visitor = self.student(name)
        self.start(visitor, name)
        return visitor

    def start(self, visitor, name):
        """Start a server and wait for it."""
        status, text = visitor.start(name)
        assert status in (201, 202), text
        # a page first: only there the server asks the hub who this is
        wait_for(lambda: "jupyter-config-data" in visitor.ask(f"/user/{name}/lab")[1], f"the server of {name}")
        assert visitor.ask(f"/user/{name}/api/status")[0] == 200

    def stop(self, visitor, name):
        """Stop a server and wait until it is gone."""
        visitor.ask(f"/hub/api/users/{name}/server", method="DELETE")
        query = "docker", "ps", "--all", "--quiet", "--filter", f"name=^lxmls-student-{name}$"
        wait_for(lambda: not call(*query).stdout, f"the container of {name} is gone")
        wait_for(lambda: visitor.ask(f"/hub/api/users/{name}/server", method="DELETE")[0] != 202, "the hub knows it")


def python(name, code, *arguments, **options):
    """Run Python in the container of a student."""
    return call("docker", "exec", "-i", f"lxmls-student-{name}", "python", "-c", code, *arguments, **options)


@pytest.fixture(scope="module")
def classroom(lab):
    running = call("docker", "ps", "--all", "--quiet", "--filter", "name=^lxmls-(class|student)-").stdout
    assert not running, "a class runs on this machine: `make class-down`"
    it = Class(lab)
    try:
        printed = it.make("class")
        assert f"The class is at {it.address}, or where a TLS proxy serves it\n" in printed
        it.password = teachers_password(printed)
        wait_for(lambda: answers(it), "the hub answers")
        assert it.teacher.log_in(TEACHER, it.password)
        yield it
    finally:
        it.make("class-down")
        it.compose("down", "--volumes", check=False)
        left = call("docker", "volume", "ls", "--quiet", "--filter", f"name={TOKEN}-").stdout.split()
        images = [it.image, it.image.replace("student", "hub"), f"lxmls-rnn-student:before-{TOKEN}"]
        call("docker", "volume", "rm", *left, check=False)
        call("docker", "rmi", *images, check=False)


def teachers_password(printed):
    return re.search(r"the password (\w+)", printed).group(1)


def answers(classroom):
    try:
        return Visitor(classroom.address).ask("/hub/health")[0] == 200
    except OSError:
        return False


@pytest.fixture(scope="module")
def anna(classroom):
    return classroom.at_work(ANNA)


@pytest.fixture(scope="module")
def ben(classroom):
    return classroom.at_work(BEN)


@pytest.fixture(scope="module")
def visitor(classroom, tmp_path_factory):
    """Makes a visitor with an address, who comes by the TLS proxy of docs/hub.md."""
    page = (ROOT / "docs/hub.md").read_text()
    recipe = re.search(r"^    lab\.school\.example \{\n.*?^    \}\n", page, re.MULTILINE | re.DOTALL).group()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    recipe = recipe.replace("lab.school.example", f"localhost:{port}")
    recipe = recipe.replace("reverse_proxy 127.0.0.1:8000", f"tls internal\nreverse_proxy {classroom.address}")
    folder, name = tmp_path_factory.mktemp("caddy"), f"caddy-{TOKEN}"
    # no other port, as this machine may use them
    (folder / "Caddyfile").write_text(f"{{\nadmin off\nauto_https disable_redirects\n}}\n{recipe}")
    hub = classroom.image.replace("student", "hub")
    install = f"FROM {hub}\nRUN apt-get update && apt-get install -qy --no-install-recommends caddy\n"
    call("docker", "build", "-q", "-t", name, "-", input=install)
    where = "--network", "host", "--volume", f"{folder}:/etc/caddy:ro"
    command = "caddy", "run", "--config", "/etc/caddy/Caddyfile"
    call("docker", "run", "--detach", "--rm", "--name", name, *where, name, *command)
    try:
        root = "docker", "exec", name, "cat", "/root/.local/share/caddy/pki/authorities/local/root.crt"
        wait_for(lambda: call(*root, check=False).returncode == 0, "Caddy has a certificate")
        wait_for(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, "Caddy listens")
        context = ssl.create_default_context(cadata=call(*root).stdout)
        yield lambda own: Visitor(f"https://localhost:{port}", Elsewhere(own, context))
    finally:
        call("docker", "rm", "--force", name)
        call("docker", "rmi", name)


def test_six_names_and_the_teacher_log_in_and_a_stranger_does_not(classroom):
    page = Visitor(classroom.address).login_page
    assert "Please choose a password at least 10 characters long." in page(FINN, "9 letters")
    wait_for(lambda: Visitor(classroom.address).log_in(FINN), "the wait of a second is over")
    assert all(Visitor(classroom.address).log_in(name) for name in SIX)
    assert "Invalid username or password" in page(ANNA, "another-password")
    stranger = f"mallory{TOKEN}"
    assert "Invalid username or password" in page(stranger)
    for name in (TEACHER, TEACHER.capitalize()):
        assert "Invalid username or password" in page(name)
    stored = classroom.hub("python", "-c", "import dbm; print(*dbm.open('passwords.dbm').keys())").stdout
    assert (len(stored.split()), stranger in stored) == (len(SIX), False)


@whole
def test_the_teachers_password_is_printed_once_and_replaced_by_a_command(classroom):
    assert classroom.password not in classroom.compose("logs", "hub").stdout
    again = classroom.hub("python", "/etc/teacher.py").stdout
    assert again == f"The teacher's account is {TEACHER}; its password is unchanged.\n"
    old = classroom.password
    classroom.password = teachers_password(classroom.hub("python", "/etc/teacher.py", "--new-password").stdout)
    assert not Visitor(classroom.address).log_in(TEACHER, old)
    assert classroom.teacher.log_in(TEACHER, classroom.password)


@whole
def test_a_name_that_somebody_else_has_claimed_is_given_back(classroom):
    """So is an account whose password is forgotten."""
    claimed = Visitor(classroom.address)
    classroom.student(late := f"late{TOKEN}")
    assert claimed.log_in(late)
    assert classroom.students("reset", late) == f"{late} chooses a new password at the next login.\n"
    assert "username_input" in claimed.ask("/hub/home")[1]
    assert Visitor(classroom.address).log_in(late, "a-password-of-their-own")
    assert not claimed.log_in(late)
    assert f"There is no account of nobody{TOKEN}" in classroom.students("reset", f"nobody{TOKEN}", check=False)


@whole
def test_a_late_student_logs_in_within_seconds(classroom, request):
    late = f"later{TOKEN}"
    classroom.roster.write_text(f"{classroom.roster.read_text()}\n{late.capitalize()}\n")
    start = time.monotonic()
    assert "students can log in" in classroom.make("class-students")
    classroom.lab.figures["a name is added"] = f"{time.monotonic() - start:.1f} s"
    assert Visitor(classroom.address).log_in(late)
    classroom.roster.write_text(f"{classroom.roster.read_text()}\nAnna Maria\n")
    assert "a name has at most 40 characters and 66 bytes, no spaces" in classroom.make("class-students", check=False)
    assert Visitor(classroom.address).log_in(late)
    classroom.roster.write_text(classroom.roster.read_text().replace("Anna Maria", ""))


@whole
def test_a_page_of_a_student_or_of_another_site_can_do_nothing_in_the_teachers_session(classroom, anna):
    """What JavaScript of a student's server can do there: ask for any page of this address, with its token."""
    teacher = classroom.teacher
    assert {teacher.ask(path)[0] for path in ("/hub/admin", "/hub/api/users", f"/hub/api/users/{ANNA}")} <= {403, 404}
    assert {teacher.ask("/hub/auth/change-password", password=GOOD)[0], teacher.ask("/hub/signup")[0]} == {404}
    asked = f"/hub/api/users/{ANNA}/server", f"/hub/api/users/{ANNA}/tokens", f"/hub/api/users/{ANNA}"
    assert {teacher.ask(path, method=method)[0] for path in asked for method in ("POST", "DELETE")} <= {403, 404, 405}
    assert teacher.ask(f"/user/{ANNA}/api/contents")[0] == 403
    assert anna.ask(f"/user/{ANNA}/api/status")[0] == 200
    sent_along = {cookie.name: cookie.get_nonstandard_attr("SameSite") for cookie in teacher.cookies}
    assert set(sent_along.values()) == {"Lax"}, sent_along


@whole
def test_who_guesses_waits_and_nobody_else(classroom, visitor):
    known = visitor("127.0.0.4")
    classroom.student(EMIL)
    assert known.log_in(EMIL)

    def seconds(password):
        """Return the seconds that this login has to wait."""
        page = visitor("127.0.0.2").login_page(EMIL, password)
        found = re.search(r"Wrong passwords before: wait (\d+) seconds", page)
        return int(found[1]) if found else 0

    # at most 2 after two wrong ones; the right one waits too, if it comes in time
    wait_for(lambda: seconds("a wrong guess") > 2 and seconds(GOOD), "the wait grows")
    assert visitor("127.0.0.2").log_in(DORA)
    assert visitor("127.0.0.2").log_in(TEACHER, classroom.password)
    assert visitor("127.0.0.3").log_in(EMIL)
    known.ask("/hub/logout")
    assert known.log_in(EMIL)


@whole
def test_no_more_servers_than_the_machine_holds(classroom, anna, ben):
    carla = classroom.student(CARLA)
    status, text = carla.start(CARLA)
    assert (status, "limit" in json.loads(text)["message"]) == (429, True), text


@whole
def test_a_student_reaches_no_other_server_and_nothing_of_the_hub(classroom, anna, ben):
    asked = {
        f"GET http://lxmls-student-{ANNA}:8888/user/{ANNA}/api/contents": "200",
        f"GET http://lxmls-student-{BEN}:8888/user/{BEN}/api/contents": "ETIMEDOUT",
        f"GET http://proxy:8000/user/{BEN}/api/contents": "403",
        "GET http://proxy:8000/hub/api/users": "403",
        f"DELETE http://proxy:8000/hub/api/users/{BEN}/server": "403",
        f"POST http://proxy:8000/hub/api/users/{BEN}/tokens": "403",
        "GET http://hub:8081/hub/api/users": "ETIMEDOUT",
        "GET http://proxy:8001/api/routes": "ETIMEDOUT",
    }
    found = python(ANNA, ASK, *asked).stdout.splitlines()
    assert dict(zip(asked, found, strict=True)) == asked
    assert anna.ask(f"/user/{BEN}/api/contents")[0] == 403
    assert ben.ask(f"/user/{BEN}/api/contents")[0] == 200
    asked = f"/user/{BEN}/docs/glossary.md"
    assert ["<h1>Glossary" in student.ask(asked)[1] for student in (anna, ben)] == [False, True]


@whole
def test_a_student_reaches_neither_the_host_nor_what_a_cloud_tells_its_machines(classroom, anna):
    """Unless CLASS_NETWORK opens the network: see the last test."""
    with socket.create_server(("0.0.0.0", 0)) as server:
        asked = "169.254.169.254:80", f"gateway:{server.getsockname()[1]}", "10.0.0.1:80", "gateway:53", "10.0.0.1:53"
        found = python(ANNA, CONNECT_ALL, *asked).stdout
    assert found.split() == ["EHOSTUNREACH"] * len(asked)
    assert call("docker", "exec", f"lxmls-student-{ANNA}", "getent", "hosts", "proxy").stdout


@whole
def test_a_student_reaches_no_port_of_another(classroom, anna, ben):
    command = ["docker", "exec", "-i", f"lxmls-student-{BEN}", "python", "-c", SERVE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout.readline() == "ready\n"
        name = f"lxmls-student-{BEN}"
        asked = f"{name}:9000", f"{name}:8888", f"{name}:22", "proxy:8000", "proxy:8001", "hub:8081"
        found = python(ANNA, CONNECT_ALL, *asked).stdout.splitlines()
        server.communicate("enough\n")
    assert dict(zip(asked, found, strict=True)) == dict.fromkeys(asked, "ETIMEDOUT") | {"proxy:8000": "open"}
    only = python(ANNA, "print(open('/proc/net/if_inet6').read())").stdout.split("\n")
    assert {line.split()[-1] for line in only if line} <= {"lo"}  # the rules are for IPv4


@whole
def test_a_closed_network_has_the_hub_and_nothing_else(classroom, anna, ben):
    """Not even name servers, which may be anybody's."""
    classroom.environ |= {"CLASS_NETWORK": "closed"}
    classroom.make("class")
    name_server = re.search(r"^nameserver (\S+)", Path("/etc/resolv.conf").read_text(), re.MULTILINE)[1]
    asked = "8.8.8.8:53", f"{name_server}:53", "10.0.0.1:53", "8.8.8.8:443", f"lxmls-student-{BEN}:8888"
    assert python(ANNA, CONNECT_ALL, *asked).stdout.split("\n")[:-1] == ["EHOSTUNREACH"] * 4 + ["ETIMEDOUT"]
    assert anna.ask(f"/user/{ANNA}/api/status")[0] == 200
    del classroom.environ["CLASS_NETWORK"]
    classroom.make("class")


# Computation that ends when a file is there.
LONG = "import os, time\nwhile not os.path.exists('/tmp/enough'): time.sleep(.1)\nprint('worked', 6 * 7)"


async def outputs(classroom, name, token, restart):
    """Return what a kernel of a student's server prints, which computes while `restart` is called."""
    kernels, may = f"{classroom.address}/user/{name}/api/kernels", {"Authorization": f"token {token}"}
    request = urllib.request.Request(kernels, b"{}", may)
    kernel = json.loads(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request).read())["id"]
    browser = await websocket_connect(HTTPRequest(f"{kernels.replace('http', 'ws')}/{kernel}/channels", headers=may))
    header = {"msg_id": "1", "msg_type": "execute_request", "session": "1", "username": "", "version": "5.3"}
    content = {"code": LONG, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
    message = {"header": header, "content": content, "parent_header": {}, "metadata": {}, "channel": "shell"}
    await browser.write_message(json.dumps(message))
    await asyncio.to_thread(restart)
    python(name, "open('/tmp/enough', 'w')")
    printed, state = "", ""
    while state != "idle" or "worked" not in printed:
        answer = json.loads(await browser.read_message())
        printed += answer["content"].get("text", "")
        state = answer["content"].get("execution_state", state)
    return printed


@whole
def test_a_kernel_works_on_while_hub_and_proxy_start_again(classroom, anna):
    token = json.loads(anna.ask(f"/hub/api/users/{ANNA}/tokens", method="POST")[1])["token"]

    def restart():
        call("docker", "stop", f"{classroom.project}-hub-1")
        try:
            assert anna.ask(f"/user/{ANNA}/api/status")[0] == 200
        finally:
            call("docker", "start", f"{classroom.project}-hub-1")
        wait_for(lambda: answers(classroom), "the hub answers")

    assert asyncio.run(outputs(classroom, ANNA, token, restart)) == "worked 42\n"
    call("docker", "restart", f"{classroom.project}-proxy-1")  # which has its routes from the hub
    health = "docker", "inspect", "--format", "{{.State.Health.Status}}", f"{classroom.project}-hub-1"
    wait_for(lambda: call(*health).stdout == "healthy\n", "the hub is healthy")
    wait_for(lambda: answers(classroom), "the proxy answers")
    wait_for(lambda: anna.ask(f"/user/{ANNA}/api/status")[0] == 200, "the server has its route")


@whole
def test_the_hub_has_few_rights_and_comes_back(classroom):
    def hub(form):
        return call("docker", "inspect", "--format", form, f"{classroom.project}-hub-1").stdout.strip()

    rights = hub("{{.HostConfig.CapDrop}} {{.HostConfig.CapAdd}}")
    assert rights.replace("CAP_", "") == "[ALL] [DAC_READ_SEARCH]"  # engines differ in the prefix
    assert (
        hub("{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}} {{.HostConfig.ReadonlyRootfs}}") == f"{1 << 30} 1024 true"
    )
    assert hub("{{.State.Health.Status}} {{.HostConfig.LogConfig.Type}}") == "healthy local"
    packages = classroom.compose("exec", "-T", "hub", "dpkg-query", "-W").stdout
    assert not re.search("^(node|npm)", packages, re.MULTILINE)
    names = [f"ten{n}{TOKEN}" for n in range(10)]
    classroom.roster.write_text("\n".join([*SIX, *names]))
    classroom.make("class-students")

    def logged_in(name, password):
        try:
            return Visitor(classroom.address).log_in(name, password)
        except OSError:  # of a hub that is gone
            return False

    with ThreadPoolExecutor(10) as threads:
        first = [threads.submit(logged_in, name, f"{name}-first") for name in names]
        wait_for(lambda: sum(login.done() and login.result() for login in first) >= 3, "three have logged in")
        classroom.hub("sh", "-c", "kill -9 $(cat /proc/1/task/1/children)", check=False)
    had = [name for name, login in zip(names, first, strict=True) if login.result()]
    wait_for(lambda: hub("{{.RestartCount}}") == "1", "the hub was started again")
    wait_for(lambda: answers(classroom), "the hub answers")
    assert not any(logged_in(name, "another-password") for name in had)  # no account is lost
    wait_for(lambda: all(logged_in(name, f"{name}-first") for name in names), "all ten log in")
    assert hub("{{.RestartCount}}") == "1"
    assert "Proxy still running" not in classroom.compose("logs", "hub").stdout  # the new hub looks for no old process


@whole
def test_a_fork_bomb_stays_in_its_container(lab, anna, ben):
    command = ["docker", "exec", "-i", f"lxmls-student-{ANNA}", "python", "-c", BOMB]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as bomb:
        made = int(bomb.stdout.readline())
        assert 500 < made < 1024
        assert ben.ask(f"/user/{BEN}/api/contents")[0] == 200
        assert ben.ask("/hub/home")[0] == 200
        assert call("docker", "run", "--rm", "--entrypoint", "true", lab.image).returncode == 0
        bomb.communicate("enough\n")
    assert anna.ask(f"/user/{ANNA}/api/contents")[0] == 200


@whole
def test_who_takes_too_much_memory_is_ended_alone(anna, ben):
    assert python(ANNA, "b'x' * (4 << 30)", check=False).returncode == 137
    assert [who.ask(f"/user/{name}/api/contents")[0] for who, name in ((anna, ANNA), (ben, BEN))] == [200, 200]


@whole
def test_what_a_server_prints_fills_no_disk(anna):
    found = call("docker", "inspect", "--format", "{{.HostConfig.LogConfig.Type}}", f"lxmls-student-{ANNA}").stdout
    assert found.strip() == "local"


@whole
def test_who_fills_the_disk_is_stopped_and_comes_back(classroom, ben):
    home = "/opt/lab", "/home/lab", "/dev/shm", "/tmp", "/var/tmp", "/opt/lab/data"
    writable = python(BEN, "import os, sys; print(*(p for p in sys.argv[1:] if os.access(p, os.W_OK)))", *home).stdout
    assert writable.split() == ["/home/lab", "/dev/shm", "/tmp"]
    fill = "import os, sys; os.posix_fallocate(os.open(sys.argv[1], os.O_CREAT | os.O_RDWR), 0, int(sys.argv[2]) << 20)"
    assert "File too large" in python(BEN, fill, "runs/file", "501", check=False).stdout
    for name in ("one", "two"):
        python(BEN, fill, f"runs/{name}", "300", check=False)  # the second may be ended with the server
    query = "docker", "ps", "--all", "--quiet", "--filter", f"name=^lxmls-student-{BEN}$"
    wait_for(lambda: not call(*query).stdout, "the server is stopped")
    reason = "Your files take 0.6 GB, and 0.5 GB is the most."
    assert f"The server of {BEN} is stopped: {reason}" in classroom.compose("logs", "hub").stdout
    wait_for(lambda: reason in ben.ask("/hub/spawn")[1], "the page says why")
    classroom.start(ben, BEN)
    python(BEN, "import os; os.remove('runs/one')")
    classroom.stop(ben, BEN)
    classroom.start(ben, BEN)


@whole
def test_new_notebooks_stand_beside_a_students_own_and_the_teacher_sees_what_the_class_does(classroom, anna, ben):
    def cells(name):
        status, text = ben.ask(f"/user/{BEN}/api/contents/{name}.ipynb")
        return text if status == 200 else ""

    python(BEN, "open('work/01-exercises.ipynb', 'a').write(' ')")  # as little as that makes it Ben's own
    classroom.stop(ben, BEN)
    call("docker", "tag", classroom.image, f"lxmls-rnn-student:before-{TOKEN}")
    newer = NEWER.format(image=f"lxmls-rnn-student:before-{TOKEN}")
    call("docker", "build", "-q", "-t", classroom.image, "-", input=newer)
    classroom.start(ben, BEN)
    assert "# Welcome back" in cells("00-welcome")
    assert not cells("00-welcome-new")
    assert "# Day 6:" in cells("01-exercises")
    assert "# Day 7:" in cells("01-exercises-new")
    assert not cells("class")
    assert "No such file" in python(BEN, "import os; os.listdir('class')", check=False).stdout
    classroom.stop(ben, BEN)

    classroom.start(classroom.teacher, TEACHER)
    python(ANNA, WORK)
    execute = "jupyter nbconvert --to notebook --execute --stdout --log-level ERROR work/class.ipynb"
    shown = call("docker", "exec", f"lxmls-student-{TEACHER}", *execute.split()).stdout
    assert re.search(rf">{ANNA}</th><td>✓ 3× \d+min</td>", shown)
    assert "Column 0 is h_0." in shown
    assert f">{BEN}</th>" in shown
    assert f">{TEACHER}</th>" not in shown
    refused = python(TEACHER, f"open('class/{ANNA}/runs/exercises.json', 'a')", check=False).stdout
    assert "Read-only file system" in refused
    environ = classroom.environ | {"COLUMNS": "160"}
    seen = call("docker/jupyterhub/show.sh", "--answers", cwd=classroom.lab.folder, env=environ).stdout
    assert re.search(rf"│ {ANNA} +│ ✓ 3× ", seen)
    assert f"{ANNA}: Column 0 is h_0." in seen


@whole
def test_collecting_follows_no_link_and_leaves_no_container(classroom, anna, ben, tmp_path):
    python(ANNA, "import os; os.symlink('/etc', 'results/etc'); os.mkfifo('runs/pipe'); os.chmod('runs', 0o700)")
    containers = "docker", "ps", "--all", "--quiet", "--filter", f"ancestor={classroom.image}"
    before = call(*containers).stdout
    collect = "docker/jupyterhub/collect.sh", str(tmp_path / "handed-in")
    ways = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(["docker", "exec", "-i", f"lxmls-student-{ANNA}", "python", "-c", CHURN], **ways) as writer:
        assert writer.stdout.readline() == "writes\n"
        printed = call(*collect, cwd=classroom.lab.folder, env=classroom.environ).stdout
        writer.stdin.close()
    assert "left out: runs/pipe is a special file" in printed
    assert (tmp_path / f"handed-in/{ANNA}/notebooks/00-welcome.ipynb").is_file()
    assert (tmp_path / f"handed-in/{BEN}/runs").is_dir()
    assert not [path for path in tmp_path.rglob("*") if path.is_symlink() or not (path.is_dir() or path.is_file())]
    assert call(*containers).stdout == before
    again = call(*collect, cwd=classroom.lab.folder, env=classroom.environ, check=False)
    assert again.returncode == 1


@whole
def test_eight_servers_start_at_once_and_an_open_network_is_open(classroom, anna, ben):
    """In a hub with other settings, which has the accounts and the servers of the one before."""
    classroom.environ |= {"CLASS_SERVERS": "12", "CLASS_NETWORK": "open", "CLASS_MEMORY": "1G"}
    classroom.make("class")
    classroom.teacher.log_in(TEACHER, classroom.password)
    with socket.create_server(("0.0.0.0", 0)) as server:
        assert python(ANNA, CONNECT_ALL, f"gateway:{server.getsockname()[1]}").stdout == "open\n"
    names = [f"eight{n}{TOKEN}" for n in range(8)]
    students = [classroom.student(name) for name in names]

    def started(student, name):
        """Start a server; return the page that says so, and the progress until it is ready."""
        return student.start(name), student.ask(f"/hub/api/users/{name}/server/progress")

    with ThreadPoolExecutor(8) as threads:
        shown = dict(zip(names, threads.map(started, students, names), strict=True))
    failed = {name: pages for name, pages in shown.items() if '"ready": true' not in pages[1][1]}
    assert not failed, f"{failed}: {classroom.compose('logs', '--no-log-prefix', '--tail', '200', 'hub').stdout}"


@whole
def test_a_student_is_removed_and_the_work_is_kept_or_erased(classroom):
    """Of the students whose servers the test before has started; the teacher's server shows their runs."""

    def volumes(name):
        return call("docker", "volume", "ls", "--quiet", "--filter", f"name=^lxmls-student-{name}-").stdout.split()

    kept, erased, at_work = (f"eight{n}{TOKEN}" for n in range(3))
    assert "still in students.txt" in classroom.students("remove", kept, check=False)
    classroom.roster.write_text("\n".join(SIX))
    classroom.make("class-students")
    assert "Nothing is changed" in classroom.students("remove", kept, input="", check=False)
    assert "the volumes are kept" in classroom.students("remove", kept, input="no\n")
    assert len(volumes(kept)) == 3
    assert not Visitor(classroom.address).log_in(kept)
    classroom.stop(classroom.teacher, TEACHER)
    classroom.start(classroom.teacher, TEACHER)  # with the runs of all
    assert "stop your own server" in classroom.students("remove", erased, input="yes\n", check=False)
    classroom.stop(classroom.teacher, TEACHER)
    assert "are erased" in classroom.students("remove", erased, "--erase")
    python(at_work, "open('runs/of-the-first', 'w')")
    assert "are erased" in classroom.students("remove", at_work, "--erase")  # whose server runs
    assert not volumes(erased) + volumes(at_work)
    containers = call("docker", "ps", "--all", "--format", "{{.Names}}").stdout
    assert not {f"lxmls-student-{name}" for name in (kept, erased, at_work)} & set(containers.split())
    classroom.at_work(at_work)  # somebody else of that name
    assert python(at_work, "import os; print(os.path.exists('runs/of-the-first'))").stdout == "False\n"
    classroom.roster.write_text("\n".join(SIX))
    classroom.make("class-students")


@whole
def test_a_class_is_backed_up_erased_and_restored(classroom, anna, tmp_path):
    """By the commands of docs/hub.md and docs/classroom.md; it has no server afterwards."""

    def section(page, title):
        return (ROOT / "docs" / page).read_text().partition(f"# {title}\n")[2].partition("\n## ")[0]

    copied, _, restored = section("hub.md", "Backup and restore").partition("To restore")
    erased = section("classroom.md", "What is stored of a student")
    backup, restore, erase = (
        "".join(re.findall(r"(?:^    .*\n)+", text, re.MULTILINE)) for text in (copied, restored, erased)
    )
    # an engine without the volumes of other classes
    (tmp_path / "docker").write_text(
        f'#!/bin/bash\nset -o pipefail\n{shutil.which("docker")} "$@" |'
        f" if [ \"$1 $2\" = 'volume ls' ]; then grep {TOKEN}; else cat; fi\n"
    )
    (tmp_path / "docker").chmod(0o755)
    environ = classroom.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}

    def shell(commands, **options):
        return call("bash", "-euc", commands, cwd=classroom.lab.folder, env=environ, **options).stdout

    assert "make class-down first" in shell("docker/jupyterhub/volumes.sh backup backup", check=False)
    python(ANNA, "open('runs/of-anna', 'w').write('kept')")
    assert "volumes are in" in shell(backup.replace("make class\n", ""))
    made = {file.name for file in (classroom.lab.folder / "backup").iterdir()}
    assert {f"{classroom.project}_state.tar.gz", f"lxmls-student-{ANNA}-runs.tar.gz"} < made

    (classroom.lab.folder / ".env").rename(tmp_path / ".env")  # which has LAB_TAG
    latest = f"{classroom.image.partition(':')[0]}:latest"
    had = call("docker", "image", "inspect", latest, check=False).returncode == 0
    try:
        assert "No such image" in shell("docker/jupyterhub/volumes.sh backup untagged", check=False) or had
        assert not (classroom.lab.folder / "untagged").exists() or had
        if not had:
            call("docker", "tag", classroom.image, latest)
            shell("docker/jupyterhub/volumes.sh backup untagged")
        assert {file.name for file in (classroom.lab.folder / "untagged").iterdir()} == made
    finally:
        (tmp_path / ".env").rename(classroom.lab.folder / ".env")
        if not had:
            call("docker", "rmi", latest)

    assert "nothing is erased" in shell(erase, input="no\n", check=False)
    assert "The class is erased" in shell(erase, input="yes\n")
    left = call("docker", "volume", "ls", "--quiet", "--filter", f"name={TOKEN}").stdout
    assert not left
    assert "are restored" in shell(restore.replace("make class\n", ""))
    assert "password is unchanged" in classroom.make("class")
    assert Visitor(classroom.address).log_in(TEACHER, classroom.password)
    again = Visitor(classroom.address)
    assert not again.log_in(ANNA, "another-password")
    wait_for(lambda: again.log_in(ANNA), "anna logs in")
    classroom.start(again, ANNA)
    assert python(ANNA, "print(open('runs/of-anna').read())").stdout == "kept\n"
    python(ANNA, "open('runs/of-anna', 'a')")
