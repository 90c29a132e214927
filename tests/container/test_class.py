"""A class on JupyterHub under attack: nobody gets in unseen, fills the machine, or reaches another's server."""

import http.cookiejar
import json
import re
import secrets
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from container.conftest import BUILD
from container.machine import ROOT, call, image, wait_for

pytestmark = pytest.mark.nightly("builds two images more and starts a class: two minutes")

STUDENTS, SERVERS, DISK = 5, 2, "500M"
GOOD, OWN = "a-long-password", "the-teachers-own-password"
TOKEN = secrets.token_hex(3)
# no volume of a real class is touched
ANNA, BEN, CARLA, TEACHER = (f"{name}{TOKEN}" for name in ("anna", "ben", "carla", "teacher"))

# What a server answers that is asked with the token of the one whose container this is.
ASK = """
import os, sys, urllib.error, urllib.request
for method, url in (line.split() for line in sys.argv[1:]):
    headers = {"Authorization": "token " + os.environ["JUPYTERHUB_API_TOKEN"]}
    try:
        print(urllib.request.urlopen(urllib.request.Request(url, method=method, headers=headers), timeout=10).status)
    except urllib.error.HTTPError as error:
        print(error.code)
    except urllib.error.URLError as error:
        print(type(error.reason).__name__)
"""

# A server on port 9000, until somebody writes a line.
SERVE = """
import http.server, sys, threading
server = http.server.HTTPServer(("", 9000), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print("ready", flush=True)
sys.stdin.readline()
"""

# What becomes of a connection.
CONNECT = """
import errno, socket, sys
route = next(line.split()[2] for line in open("/proc/net/route") if line.split()[1] == "00000000")
gateway = socket.inet_ntoa(bytes.fromhex(route)[::-1])
for name, port in (address.split(":") for address in sys.argv[1:]):
    try:
        socket.create_connection((name.replace("gateway", gateway), int(port)), timeout=5).close()
        print("open")
    except OSError as error:
        print(errno.errorcode.get(error.errno, error))
"""

# As many processes as it gets, 3000 at most; for ten seconds, or until somebody writes a line.
BOMB = """
import os, select, signal, sys, time
children = []
try:
    while len(children) < 3000:
        child = os.fork()
        if not child:
            time.sleep(30)
            os._exit(0)
        children.append(child)
except OSError:
    pass
print(len(children), flush=True)
select.select([sys.stdin], [], [], 10)
for child in children:
    os.kill(child, signal.SIGKILL)
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
RUN sed -i 's/# Welcome/# Welcome back/' docker/notebooks/00-welcome.ipynb && \\
    sed -i 's/# Day 6:/# Day 7:/' docker/notebooks/01-exercises.ipynb
USER 1000:1000
"""


class Visitor:
    """A browser without JavaScript."""

    def __init__(self, address):
        self.address, self.cookies = address, http.cookiejar.CookieJar()
        direct, kept = urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(self.cookies)
        self.opener = urllib.request.build_opener(direct, kept)

    def ask(self, path, method=None, token=True, **fields):
        """Return status and text of a page; fields are posted. Pages of other sites do not know the token."""
        xsrf = next((cookie.value for cookie in self.cookies if cookie.name == "_xsrf"), "") if token else ""
        data = urllib.parse.urlencode({**fields, "_xsrf": xsrf}).encode() if fields else None
        request = urllib.request.Request(self.address + path, data, {"X-XSRFToken": xsrf}, method=method)
        try:
            with self.opener.open(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def sign_up(self, name, password=GOOD):
        self.ask("/hub/signup")
        return self.ask("/hub/signup", username=name, signup_password=password, signup_password_confirmation=password)

    def log_in(self, name, password=GOOD):
        """Return whether that worked; it starts no server."""
        self.ask("/hub/login")
        return "/hub/logout" in self.ask("/hub/login?next=/hub/home", username=name, password=password)[1]

    def take_password(self, first, new=OWN):
        """Change the teacher's first password, which logs in."""
        self.ask("/hub/first-password")
        return self.ask("/hub/first-password", old_password=first, new_password=new, new_password_confirmation=new)

    def admit(self, name):
        """Let a student in, as the teacher."""
        return self.change(name, "Admit")

    def change(self, name, action, password=OWN):
        """Press a button of the page of accounts, as the teacher."""
        self.ask("/hub/authorize")
        return self.ask("/hub/authorize", name=name, action=action, password=password)

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
            "HUB_BASE": image("debian:12", "lxmls-rnn-base:debian12", "bookworm"),
            "CLASS_PORT": str(port),
            "CLASS_STUDENTS": str(STUDENTS),
            "CLASS_SERVERS": str(SERVERS),
            "CLASS_DISK": DISK,
            "CLASS_TEACHER": TEACHER,
        }
        self.teacher = Visitor(self.address)
        self.printed, self.before, self.image = "", (), f"lxmls-rnn-student:{lab.image.partition(':')[2]}"

    def make(self, target):
        return call(
            "make", target, f"CLASS_PROJECT={self.project}", cwd=self.lab.folder, env=self.environ, timeout=BUILD
        ).stdout

    def compose(self, *arguments, **options):
        files = ["--project-directory", ".", "-p", self.project, "-f", "docker/jupyterhub/docker-compose.yml"]
        return call("docker", "compose", *files, *arguments, cwd=self.lab.folder, env=self.environ, **options)

    @property
    def first_password(self):
        return re.search(r"first password (\S+)", self.printed).group(1)

    def admitted(self):
        """Return the page of accounts: whether each is admitted, "yes" or "no"."""
        row = r'<td class="text-break">(\S+)</td>\s*<td>(\w+)</td>'
        return dict(re.findall(row, self.teacher.ask("/hub/authorize")[1]))

    def remove(self, name):
        """Delete an account."""
        for action in ("Withdraw", "Discard"):
            self.teacher.change(name, action)
        assert name not in self.admitted()

    def student(self, name):
        """Let a student in; return their browser."""
        visitor = Visitor(self.address)
        visitor.sign_up(name)
        self.teacher.admit(name)
        assert visitor.log_in(name)
        return visitor

    def at_work(self, name):
        """Let a student in and start their server; return their browser."""
        visitor = self.student(name)
        self.start(visitor, name)
        return visitor

    def start(self, visitor, name):
        """Start a server and wait for it."""
        status, text = visitor.start(name)
        assert status in (201, 202), text
        # a page first: only there the server asks the hub who this is
        wait_for(lambda: "jupyter-config-data" in visitor.ask(f"/user/{name}/lab")[1], 120, f"the server of {name}")
        assert visitor.ask(f"/user/{name}/api/status")[0] == 200

    def stop(self, visitor, name):
        """Stop a server and wait until it is gone."""
        visitor.ask(f"/hub/api/users/{name}/server", method="DELETE")
        query = "docker", "ps", "--all", "--quiet", "--filter", f"name=^lxmls-student-{name}$"
        wait_for(lambda: not call(*query).stdout, 60, f"the container of {name} is gone")
        wait_for(
            lambda: visitor.ask(f"/hub/api/users/{name}/server", method="DELETE")[0] != 202, 60, "the hub knows it"
        )


def python(name, code, *arguments, **options):
    """Run Python in the container of a student."""
    return call("docker", "exec", "-i", f"lxmls-student-{name}", "python", "-c", code, *arguments, **options)


@pytest.fixture(scope="module")
def classroom(lab):
    running = call("docker", "ps", "--all", "--quiet", "--filter", "name=^lxmls-(class|student)-").stdout
    assert not running, "a class runs on this machine: `make class-down`"
    it = Class(lab)
    try:
        it.printed = it.make("class")
        wait_for(lambda: answers(it), 60, "the hub answers")
        it.before = it.teacher.log_in(TEACHER, it.first_password), it.teacher.ask("/hub/home")[1]
        assert it.teacher.take_password(it.first_password)[0] == 200
        yield it
    finally:
        it.make("class-down")
        it.compose("down", "--volumes", check=False)
        left = call("docker", "volume", "ls", "--quiet", "--filter", f"name={TOKEN}-").stdout.split()
        images = [it.image, it.image.replace("student", "hub"), f"lxmls-rnn-student:before-{TOKEN}"]
        call("docker", "volume", "rm", *left, check=False)
        call("docker", "rmi", *images, check=False)


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


def test_the_teachers_password_is_printed_once_and_nobody_signs_up_as_the_teacher(classroom):
    assert classroom.first_password not in classroom.compose("logs", "hub").stdout
    again = classroom.compose("exec", "-T", "hub", "python", "/etc/teacher.py").stdout
    assert again == f"The teacher's account is {TEACHER}; its password is unchanged.\n"
    for name in (TEACHER, TEACHER.capitalize()):
        assert "already in use" in Visitor(classroom.address).sign_up(name)[1]
        assert not Visitor(classroom.address).log_in(name)


def test_the_first_password_opens_one_page_once(classroom):
    logged_in, home = classroom.before
    assert not logged_in
    assert "username_input" in home
    other = Visitor(classroom.address)
    assert not other.log_in(TEACHER, classroom.first_password)
    assert other.take_password(classroom.first_password)[0] == 404
    assert other.log_in(TEACHER, OWN)
    classroom.printed = classroom.compose("exec", "-T", "hub", "python", "/etc/teacher.py", "--new-password").stdout
    other = Visitor(classroom.address)
    assert not other.log_in(TEACHER, OWN)
    assert "/hub/logout" in other.take_password(classroom.first_password)[1]


def test_a_student_waits_for_the_teacher(classroom):
    eva, name = Visitor(classroom.address), f"eva{TOKEN}"
    assert "asked to admit you" in eva.sign_up(name)[1]
    assert not eva.log_in(name)
    classroom.teacher.admit(name)
    assert eva.log_in(name)
    assert eva.ask("/hub/authorize")[0] == 403
    classroom.remove(name)
    assert not Visitor(classroom.address).log_in(name)


def test_a_student_of_the_roster_need_not_wait(classroom):
    """`make class` takes students.txt, also while the class runs."""
    roster, name = classroom.lab.folder / "students.txt", f"rosa{TOKEN}"
    roster.write_text(f"{name.capitalize()}\n")
    assert "password is unchanged" in classroom.make("class")
    rosa = Visitor(classroom.address)
    assert "Now you can log in" in rosa.sign_up(name)[1]
    assert rosa.log_in(name)
    classroom.remove(name)
    roster.unlink()
    classroom.make("class")
    assert "asked to admit you" in Visitor(classroom.address).sign_up(name)[1]
    classroom.remove(name)


def test_no_page_of_another_site_acts_in_the_teachers_name(classroom):
    name, teacher = f"eva{TOKEN}", classroom.teacher
    Visitor(classroom.address).sign_up(name)
    form = {"name": name, "action": "Admit", "password": OWN}
    assert teacher.ask("/hub/authorize", token=False, **form)[0] == 403
    assert classroom.admitted()[name] == "no"
    sent_along = {cookie.name: cookie.get_nonstandard_attr("SameSite") for cookie in teacher.cookies}
    assert set(sent_along.values()) == {"Lax"}, sent_along
    teacher.change(name, "Discard")
    assert name not in classroom.admitted()


def test_a_page_of_a_student_can_do_nothing_in_the_teachers_session_without_the_password(classroom, anna):
    """What JavaScript of a student's server can do there: ask for any page of this address, with its token."""
    name, teacher = f"eva{TOKEN}", classroom.teacher
    Visitor(classroom.address).sign_up(name)
    for action in ("Admit", "Discard"):
        assert "That is not your password" in teacher.change(name, action, password="a guess")[1]
    assert classroom.admitted()[name] == "no"
    assert "That is not your password" in teacher.change(ANNA, "Stop server", password="")[1]
    new = dict.fromkeys(("new_password", "new_password_confirmation"), "of-the-attacker")
    page = f"/hub/change-password/{ANNA}"
    assert "That is not your own password" in teacher.ask(page, old_password="", **new)[1]
    assert {teacher.ask(path)[0] for path in ("/hub/admin", "/hub/api/users", f"/hub/api/users/{ANNA}")} <= {403, 404}
    asked = f"/hub/api/users/{ANNA}/server", f"/hub/api/users/{ANNA}/tokens", f"/hub/api/users/{name}"
    assert {teacher.ask(path, method=method)[0] for path in asked for method in ("POST", "DELETE")} <= {403, 404, 405}
    assert teacher.ask(f"/user/{ANNA}/api/contents")[0] == 403
    assert anna.ask(f"/user/{ANNA}/api/status")[0] == 200
    assert "has been changed" in teacher.ask(page, old_password=OWN, **new)[1]
    assert Visitor(classroom.address).log_in(ANNA, "of-the-attacker")
    teacher.ask(page, old_password=OWN, **dict.fromkeys(new, GOOD))
    classroom.remove(name)


def test_a_short_or_common_password_is_refused(classroom):
    for password in ("9 letters", "password"):
        assert "at least 10 characters" in Visitor(classroom.address).sign_up(f"short{TOKEN}", password)[1]


def test_who_guesses_is_locked_out_and_nobody_else(classroom, anna):
    fritz = f"fritz{TOKEN}"
    own = classroom.student(fritz)
    guesses = [Visitor(classroom.address).log_in(fritz, f"guess number {n}") for n in range(5)]
    assert not any(guesses)
    other = Visitor(classroom.address)
    assert not other.log_in(fritz)
    assert "Too many wrong passwords" in other.ask("/hub/login", username=fritz, password=GOOD)[1]
    assert Visitor(classroom.address).log_in(ANNA)
    own.ask("/hub/logout")
    assert own.log_in(fritz)
    classroom.remove(fritz)


def test_no_more_servers_than_the_machine_holds(classroom, anna, ben):
    carla = classroom.student(CARLA)
    status, text = carla.start(CARLA)
    assert (status, "limit" in json.loads(text)["message"]) == (429, True), text


def test_a_script_of_sign_ups_ends_at_the_size_of_the_class(classroom, anna, ben):
    pages = [Visitor(classroom.address).sign_up(f"robot{n}{TOKEN}") for n in range(2 * STUDENTS)]
    refused = [page for status, page in pages if status == 403]
    assert len(refused) > STUDENTS
    assert f"The class is full: there are accounts for {STUDENTS} students" in refused[0]
    assert not Visitor(classroom.address).log_in(f"robot0{TOKEN}")
    assert anna.ask(f"/user/{ANNA}/api/status")[0] == 200


def test_a_student_reaches_no_other_server_and_nothing_of_the_hub(classroom, anna, ben):
    asked = {
        f"GET http://lxmls-student-{ANNA}:8888/user/{ANNA}/api/contents": "200",
        f"GET http://lxmls-student-{BEN}:8888/user/{BEN}/api/contents": "TimeoutError",
        f"GET http://proxy:8000/user/{BEN}/api/contents": "403",
        "GET http://proxy:8000/hub/api/users": "403",
        f"DELETE http://proxy:8000/hub/api/users/{BEN}/server": "403",
        f"POST http://proxy:8000/hub/api/users/{BEN}/tokens": "403",
        "GET http://hub:8081/hub/api/users": "TimeoutError",
        "GET http://proxy:8001/api/routes": "TimeoutError",
    }
    found = python(ANNA, ASK, *asked).stdout.splitlines()
    assert dict(zip(asked, found, strict=True)) == asked
    assert anna.ask(f"/user/{BEN}/api/contents")[0] == 403
    assert ben.ask(f"/user/{BEN}/api/contents")[0] == 200


def test_a_student_reaches_neither_the_host_nor_what_a_cloud_tells_its_machines(classroom, anna):
    """Unless CLASS_NETWORK opens the network: see the last test."""
    with socket.create_server(("0.0.0.0", 0)) as server:
        asked = "169.254.169.254:80", f"gateway:{server.getsockname()[1]}", "10.0.0.1:80", "gateway:53", "10.0.0.1:53"
        found = python(ANNA, CONNECT, *asked).stdout
    assert found.split() == ["EHOSTUNREACH"] * len(asked)
    assert call("docker", "exec", f"lxmls-student-{ANNA}", "getent", "hosts", "proxy").stdout


def test_a_student_reaches_no_port_of_another(classroom, anna, ben):
    command = ["docker", "exec", "-i", f"lxmls-student-{BEN}", "python", "-c", SERVE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout.readline() == "ready\n"
        name = f"lxmls-student-{BEN}"
        asked = f"{name}:9000", f"{name}:8888", f"{name}:22", "proxy:8000", "proxy:8001", "hub:8081"
        found = python(ANNA, CONNECT, *asked).stdout.splitlines()
        server.communicate("enough\n")
    assert dict(zip(asked, found, strict=True)) == dict.fromkeys(asked, "timed out") | {"proxy:8000": "open"}
    only = python(ANNA, "print(open('/proc/net/if_inet6').read())").stdout.split("\n")
    assert {line.split()[-1] for line in only if line} <= {"lo"}  # the rules are for IPv4


def test_a_closed_network_has_the_hub_and_nothing_else(classroom, anna, ben):
    """Not even name servers, which may be anybody's."""
    classroom.environ |= {"CLASS_NETWORK": "closed"}
    classroom.make("class")
    name_server = re.search(r"^nameserver (\S+)", Path("/etc/resolv.conf").read_text(), re.MULTILINE)[1]
    asked = "8.8.8.8:53", f"{name_server}:53", "10.0.0.1:53", "8.8.8.8:443", f"lxmls-student-{BEN}:8888"
    assert python(ANNA, CONNECT, *asked).stdout.split("\n")[:-1] == ["EHOSTUNREACH"] * 4 + ["timed out"]
    assert anna.ask(f"/user/{ANNA}/api/status")[0] == 200
    del classroom.environ["CLASS_NETWORK"]
    classroom.make("class")


def test_servers_stay_reachable_while_the_hub_starts_again(classroom, anna):
    call("docker", "stop", f"{classroom.project}-hub-1")
    try:
        assert anna.ask(f"/user/{ANNA}/api/status")[0] == 200
    finally:
        call("docker", "start", f"{classroom.project}-hub-1")
    wait_for(lambda: answers(classroom), 60, "the hub answers")
    call("docker", "restart", f"{classroom.project}-proxy-1")  # which has its routes from the hub
    health = "docker", "inspect", "--format", "{{.State.Health.Status}}", f"{classroom.project}-hub-1"
    wait_for(lambda: call(*health).stdout == "healthy\n", 90, "the hub is healthy")
    wait_for(lambda: anna.ask(f"/user/{ANNA}/api/status")[0] == 200, 90, "the server has its route")


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
    classroom.compose("exec", "-T", "hub", "sh", "-c", "kill -9 $(cat /proc/1/task/1/children)", check=False)
    wait_for(lambda: hub("{{.RestartCount}}") == "1", 60, "the hub was started again")
    wait_for(lambda: answers(classroom), 60, "the hub answers")
    assert hub("{{.RestartCount}}") == "1"
    assert "Proxy still running" not in classroom.compose("logs", "hub").stdout  # the new hub looks for no old process


def test_a_fork_bomb_stays_in_its_container(lab, anna, ben):
    command = ["docker", "exec", "-i", f"lxmls-student-{ANNA}", "python", "-c", BOMB]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as bomb:
        made = int(bomb.stdout.readline())
        assert 500 < made < 1024
        assert ben.ask(f"/user/{BEN}/api/contents")[0] == 200
        assert ben.ask("/hub/home")[0] == 200
        assert call("docker", "run", "--rm", "--entrypoint", "true", lab.image).returncode == 0
        bomb.communicate("enough\n", timeout=30)
    assert anna.ask(f"/user/{ANNA}/api/contents")[0] == 200


def test_who_takes_too_much_memory_is_ended_alone(anna, ben):
    assert python(ANNA, "b'x' * (4 << 30)", check=False).returncode == 137
    assert [who.ask(f"/user/{name}/api/contents")[0] for who, name in ((anna, ANNA), (ben, BEN))] == [200, 200]


def test_what_a_server_prints_fills_no_disk(anna):
    found = call("docker", "inspect", "--format", "{{.HostConfig.LogConfig.Type}}", f"lxmls-student-{ANNA}").stdout
    assert found.strip() == "local"


def test_who_fills_the_disk_is_stopped_and_comes_back(classroom, ben):
    home = "/opt/lab", "/home/lab", "/dev/shm", "/tmp", "/var/tmp", "/opt/lab/data"
    writable = python(BEN, "import os, sys; print(*(p for p in sys.argv[1:] if os.access(p, os.W_OK)))", *home).stdout
    assert writable.split() == ["/home/lab", "/dev/shm", "/tmp"]
    fill = "import os, sys; os.posix_fallocate(os.open(sys.argv[1], os.O_CREAT | os.O_RDWR), 0, int(sys.argv[2]) << 20)"
    assert "File too large" in python(BEN, fill, "runs/file", "501", check=False).stdout
    for name in ("one", "two"):
        python(BEN, fill, f"runs/{name}", "300")
    query = "docker", "ps", "--all", "--quiet", "--filter", f"name=^lxmls-student-{BEN}$"
    wait_for(lambda: not call(*query).stdout, 30, "the server is stopped")
    reason = "Your files take 0.6 GB, and 0.5 GB is the most."
    assert f"The server of {BEN} is stopped: {reason}" in classroom.compose("logs", "hub").stdout
    wait_for(lambda: reason in ben.ask("/hub/spawn")[1], 30, "the page says why")
    classroom.start(ben, BEN)
    python(BEN, "import os; os.remove('runs/one')")
    classroom.stop(ben, BEN)
    classroom.start(ben, BEN)


def test_new_notebooks_stand_beside_a_students_own_and_the_teacher_sees_what_the_class_does(classroom, anna, ben):
    def cells(name):
        status, text = ben.ask(f"/user/{BEN}/api/contents/{name}.ipynb")
        return text if status == 200 else ""

    python(BEN, "open('lab/notebooks/01-exercises.ipynb', 'a').write(' ')")  # as little as that makes it Ben's own
    classroom.stop(ben, BEN)
    call("docker", "tag", classroom.image, f"lxmls-rnn-student:before-{TOKEN}")
    newer = NEWER.format(image=f"lxmls-rnn-student:before-{TOKEN}")
    call("docker", "build", "-q", "-t", classroom.image, "-", input=newer, timeout=BUILD)
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
    execute = "jupyter nbconvert --to notebook --execute --stdout --log-level ERROR lab/notebooks/class.ipynb"
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


def test_collecting_follows_no_link_and_leaves_no_container(classroom, anna, ben, tmp_path):
    python(ANNA, "import os; os.symlink('/etc', 'results/etc'); os.mkfifo('runs/pipe'); os.chmod('runs', 0o700)")
    before = call("docker", "ps", "--all", "--quiet").stdout
    collect = "docker/jupyterhub/collect.sh", str(tmp_path / "handed-in")
    printed = call(*collect, cwd=classroom.lab.folder, env=classroom.environ).stdout
    assert "left out: runs/pipe is a special file" in printed
    assert (tmp_path / f"handed-in/{ANNA}/notebooks/00-welcome.ipynb").is_file()
    assert (tmp_path / f"handed-in/{BEN}/runs").is_dir()
    assert not [path for path in tmp_path.rglob("*") if path.is_symlink() or not (path.is_dir() or path.is_file())]
    assert call("docker", "ps", "--all", "--quiet").stdout == before
    again = call(*collect, cwd=classroom.lab.folder, env=classroom.environ, check=False)
    assert again.returncode == 1


def test_accounts_of_a_class_that_was_named_by_the_labs_settings_are_kept(classroom):
    old, new = f"lxmls-class-{TOKEN}-old", f"lxmls-class-{TOKEN}-new"
    write = "docker", "run", "--rm", "--volume", f"{old}_state:/srv", "--entrypoint", "sh", "--user", "0"
    call(*write, classroom.lab.image, "-c", "echo accounts >/srv/jupyterhub.sqlite")
    arguments = f"-p {new} -f docker/jupyterhub/docker-compose.yml run --rm -T --no-deps".split()
    rename = "docker/jupyterhub/rename.sh", new, "docker", "compose", "--project-directory", ".", *arguments
    options = {"cwd": classroom.lab.folder, "env": classroom.environ | {"COMPOSE_PROJECT_NAME": old}}
    try:
        assert f"are in the volume {new}_state now" in call(*rename, **options).stdout
        assert call(*rename, **options).stdout == ""
        kept = "docker", "run", "--rm", "--volume", f"{new}_state:/srv", "--entrypoint", "cat"
        assert call(*kept, classroom.lab.image, "/srv/jupyterhub.sqlite").stdout == "accounts\n"
    finally:
        call("docker", "volume", "rm", f"{old}_state", f"{new}_state", check=False)


def test_eight_servers_start_at_once_and_an_open_network_is_open(classroom, anna, ben):
    """In a hub with other settings, which has the accounts and the servers of the one before."""
    classroom.environ |= {"CLASS_STUDENTS": "20", "CLASS_SERVERS": "12", "CLASS_NETWORK": "open", "CLASS_MEMORY": "1G"}
    classroom.make("class")
    classroom.teacher.log_in(TEACHER, OWN)
    with socket.create_server(("0.0.0.0", 0)) as server:
        assert python(ANNA, CONNECT, f"gateway:{server.getsockname()[1]}").stdout == "open\n"
    names = [f"eight{n}{TOKEN}" for n in range(8)]
    students = [classroom.student(name) for name in names]

    def started(student, name):
        """Start a server; return the page that says so, and the progress until it is ready."""
        return student.start(name), student.ask(f"/hub/api/users/{name}/server/progress")

    with ThreadPoolExecutor(8) as threads:
        shown = dict(zip(names, threads.map(started, students, names), strict=True))
    failed = {name: pages for name, pages in shown.items() if '"ready": true' not in pages[1][1]}
    assert not failed, f"{failed}: {classroom.compose('logs', '--no-log-prefix', '--tail', '200', 'hub').stdout}"


def test_a_class_is_restored_from_its_backup(classroom, anna, tmp_path):
    """By the commands of docs/classroom.md, with the names of this class; it has no server afterwards."""
    section = (ROOT / "docs/classroom.md").read_text().partition("### Backup and restore")[2].partition("\n## ")[0]
    names = f"'^({classroom.project}_state$|lxmls-student-.*{TOKEN}-)'"

    def script(block):
        lines = [line for line in block.splitlines() if "make class" not in line]
        script = "\n".join(lines).replace("lxmls-rnn-student", classroom.image)
        return script.replace("'^lxmls-(class_state|student-)'", names)

    backup, restore = (script(block) for block in re.findall(r"(?:^    .*\n)+", section, re.MULTILINE))
    assert names in backup
    python(ANNA, "open('runs/of-anna', 'w').write('kept')")
    classroom.make("class-down")
    call("bash", "-euc", backup, cwd=tmp_path, timeout=300)
    volumes = [file.name.removesuffix(".tar.gz") for file in (tmp_path / "backup").iterdir()]
    assert f"lxmls-student-{ANNA}-runs" in volumes
    call("docker", "volume", "rm", *volumes)
    call("bash", "-euc", restore, cwd=tmp_path, timeout=300)
    assert "password is unchanged" in classroom.make("class")
    assert Visitor(classroom.address).log_in(TEACHER, OWN)
    again = Visitor(classroom.address)
    assert again.log_in(ANNA)
    classroom.start(again, ANNA)
    assert python(ANNA, "print(open('runs/of-anna').read())").stdout == "kept\n"
    python(ANNA, "open('runs/of-anna', 'a')")
