"""A class on JupyterHub in Docker: nobody gets in unseen, reaches another's server, or loses work."""

import asyncio
import json
import re
import socket
import subprocess
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_interface

import pytest
from container.machine import ROOT, call, image, wait_for
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect
from visitor import Visitor

whole = pytest.mark.nightly("restarts, volumes and late students of the class that the daily tests start: four minutes")

TEACHER, HUB = "teacher", "lxmls-class-hub-1"
NAMES = {"anna": "Anna", "benoldner": "Ben Öldner", "carla": "Carla"}  # and numbers, as in STUDENTS=25
ANNA, BEN, CARLA = NAMES
EIGHT = [f"student{n:02}" for n in range(1, 9)]

# What becomes of a connection to an address such as 10.0.0.1:80, which is given up after the third packet.
CONNECT = """
import errno, os, socket, sys, urllib.error, urllib.parse, urllib.request
def connect(address):
    name, port = address.split(":")
    with socket.socket() as end:
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, 2)
        try:
            end.connect((name, int(port)))
            return "open"
        except socket.gaierror:
            return "unknown"
        except OSError as error:
            return errno.errorcode.get(error.errno, error)
"""
CONNECT_ALL = f"{CONNECT}print(*map(connect, sys.argv[1:]), sep='\\n')"

# What a server answers that is asked with the token of the one whose container this is.
ASK = f"""{CONNECT}
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

# Computation that ends when a file is there.
LONG = "import os, time\nwhile not os.path.exists('/tmp/enough'): time.sleep(.1)\nprint('worked', 6 * 7)"


class Class:
    """A hub that runs, and its teacher."""

    def __init__(self, lab):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.lab, self.address = lab, f"http://127.0.0.1:{port}"
        self.environ = lab.environ | {
            "HUB_BASE": image("debian:12", "lxmls-rnn-base:debian12", "bookworm"),
            "CLASS_PORT": str(port),
        }
        self.image = f"lxmls-rnn-student:{lab.image.partition(':')[2]}"
        (lab.folder / "students.txt").write_text("\n".join(NAMES.values()))

    def shell(self, command, **options):
        """Call a line of the documentation in the checkout."""
        return call("bash", "-euc", command, cwd=self.lab.folder, env=self.environ, **options).stdout

    def accounts(self, *arguments, **options):
        """Call `python -m accounts` as the documentation does."""
        return call("docker", "exec", "-i", HUB, "python", "-m", "accounts", *arguments, **options).stdout

    def visitor(self, name):
        """Log in; return the browser."""
        visitor = Visitor(self.address)
        assert visitor.log_in(name, self.passwords[name]) == 200
        return visitor

    def at_work(self, name):
        """Log in and start the server; return the browser."""
        visitor = self.visitor(name)
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
        wait_for(lambda: name not in containers(), f"the container of {name} is gone")
        wait_for(lambda: visitor.ask(f"/hub/api/users/{name}/server", method="DELETE")[0] != 202, "the hub knows it")


def passwords(sheet):
    """Return the passwords of a sheet by name."""
    return dict(re.findall(r"name: (\w+) +password: (\S+)$", sheet, re.MULTILINE))


def python(name, code, *arguments, **options):
    """Run Python in the container of a student."""
    return call("docker", "exec", "-i", f"lxmls-student-{name}", "python", "-c", code, *arguments, **options)


def containers():
    """Return the names of those who have a container."""
    listed = call("docker", "ps", "--all", "--format", "{{.Names}}", "--filter", "name=^lxmls-student-").stdout
    return [name.removeprefix("lxmls-student-") for name in listed.split()]


def volumes():
    """Return the volumes of all classes."""
    return call("docker", "volume", "ls", "--quiet", "--filter", "name=^lxmls-(class|student|kernels)").stdout.split()


def addresses(*names):
    """Return the addresses of containers in their networks."""
    found = json.loads(call("docker", "inspect", *names).stdout)
    return [network["IPAddress"] for each in found for network in each["NetworkSettings"]["Networks"].values()]


def network_of(address):
    """Return the network of a student's server or of the hub in it."""
    return ip_interface(f"{address}/28").network


def section(page, title):
    """Return the blocks of commands in a section of the documentation."""
    text = (ROOT / "docs" / page).read_text().partition(f"# {title}\n")[2].partition("\n#")[0]
    return ["".join(block) for block in re.findall(r"(?:^    .*\n)+", text, re.MULTILINE)]


@pytest.fixture(scope="module")
def classroom(lab):
    assert not containers() + volumes(), "a class is on this machine, whose volumes these tests would erase"
    it = Class(lab)
    try:
        printed = it.shell("make class STUDENTS=students.txt && make class STUDENTS=8")
        assert f"The class is at {it.address}.\nNew passwords are in passwords.txt" in printed
        sheet = lab.folder / "passwords.txt"
        assert sheet.stat().st_mode & 0o777 == 0o600
        it.passwords = passwords(sheet.read_text())
        assert answers(it)
        it.teacher = it.visitor(TEACHER)
        yield it
    finally:
        it.shell("make class-down")
        call("docker", "volume", "rm", *volumes(), check=False)
        images = [it.image, it.image.replace("student", "hub"), "lxmls-rnn-student:before"]
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


def test_who_is_on_the_sheet_logs_in_and_a_stranger_does_not(classroom):
    assert list(classroom.passwords) == [TEACHER, *NAMES, *EIGHT]
    for name, password in classroom.passwords.items():
        assert Visitor(classroom.address).log_in(name, password) == 200
    assert Visitor(classroom.address).log_in("mallory", classroom.passwords[ANNA]) == 403
    assert Visitor(classroom.address).log_in(ANNA, classroom.passwords[BEN]) == 403


@whole
def test_a_late_student_comes_and_a_lost_password_is_replaced_while_the_class_works(classroom):
    """Whoever has the old password or the session of its browser is out."""
    late = passwords(classroom.accounts("add", input="Late Student\n"))
    classroom.passwords |= late
    stolen = classroom.at_work("latestudent")
    classroom.passwords |= passwords(classroom.accounts("reset", "latestudent"))
    assert (stolen.is_in(), "latestudent" in containers()) == (False, False)
    assert Visitor(classroom.address).log_in("latestudent", late["latestudent"]) == 403
    assert classroom.visitor("latestudent").is_in()
    assert "There is no account nobody." in classroom.accounts("reset", "nobody", check=False)


def test_a_student_reaches_no_port_of_another_and_of_the_hub_only_the_own_account(classroom, anna, ben):
    own, of_ben, *of_hub = addresses(f"lxmls-student-{ANNA}", f"lxmls-student-{BEN}", HUB)
    # the hub has an address in each network, and routes nothing from one to another
    others = [address for address in of_hub if network_of(address) != network_of(own)]
    assert len(others) == len(of_hub) - 1 > 0
    asked = {
        f"GET http://{own}:8888/user/{ANNA}/api/contents": "200",
        f"GET http://{of_ben}:8888/user/{BEN}/api/contents": "ENETUNREACH",
        f"GET http://{of_ben}:9000/": "ENETUNREACH",
        **{f"GET http://{address}:8000/": "ENETUNREACH" for address in others},
        f"GET http://lxmls-student-{BEN}:8888/user/{BEN}/api/contents": "unknown",
        "GET http://hub:8081/hub/api/user": "200",
        "GET http://hub:8081/hub/api/users": "403",
        f"GET http://hub:8000/user/{BEN}/api/contents": "403",
        f"DELETE http://hub:8081/hub/api/users/{BEN}/server": "403",
        f"DELETE http://hub:8081/hub/api/users/{BEN}": "403",
        f"POST http://hub:8081/hub/api/users/{BEN}/tokens": "403",
        "GET http://hub:8001/api/routes": "ECONNREFUSED",
    }
    command = ["docker", "exec", "-i", f"lxmls-student-{BEN}", "python", "-c", SERVE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout.readline() == "ready\n"
        found = python(ANNA, ASK, *asked).stdout.splitlines()
        server.communicate("enough\n")
    assert dict(zip(asked, found, strict=True)) == asked
    assert anna.ask(f"/user/{BEN}/api/contents")[0] == 403
    assert ben.ask(f"/user/{BEN}/api/contents")[0] == 200
    asked = f"/user/{BEN}/docs/glossary.md"
    assert ["<h1>Glossary" in student.ask(asked)[1] for student in (anna, ben)] == [False, True]


def test_a_student_reaches_neither_the_host_nor_the_internet_nor_what_a_cloud_tells_its_machines(classroom, anna):
    """Not even name servers, which may be anybody's. The last test opens the network."""
    of_host = call("hostname", "-I").stdout.split()
    with socket.create_server(("0.0.0.0", 0)) as server:
        ports = [f"{address}:{server.getsockname()[1]}" for address in of_host if ":" not in address]
        asked = [*ports, "169.254.169.254:80", "10.0.0.1:53", "8.8.8.8:53", "8.8.8.8:443"]
        found = python(ANNA, CONNECT_ALL, *asked).stdout
    assert ports
    assert found.split() == ["ENETUNREACH"] * len(asked)
    names = ["docker", "exec", f"lxmls-student-{ANNA}", "getent", "ahostsv4"]
    assert call(*names, "hub").stdout
    assert call(*names, "debian.org", check=False).returncode == 2
    only = python(ANNA, "print(open('/proc/net/if_inet6').read())").stdout.split("\n")
    assert {line.split()[-1] for line in only if line} <= {"lo"}  # no address of IPv6


async def outputs(classroom, name, token, restart):
    """Return what a kernel of a student's server prints that computes while `restart` is called."""
    kernels, may = f"{classroom.address}/user/{name}/api/kernels", {"Authorization": f"token {token}"}
    request = urllib.request.Request(kernels, b"{}", may)
    kernel = json.loads(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request).read())["id"]
    address = f"{kernels.replace('http', 'ws')}/{kernel}/channels"
    browser = await websocket_connect(HTTPRequest(address, headers=may))
    header = {"msg_id": "1", "msg_type": "execute_request", "session": "1", "username": "", "version": "5.3"}
    content = {"code": LONG, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
    message = {"header": header, "content": content, "parent_header": {}, "metadata": {}, "channel": "shell"}
    await browser.write_message(json.dumps(message))
    while json.loads(await browser.read_message())["content"].get("execution_state") != "busy":
        pass
    await asyncio.to_thread(restart)
    browser = await websocket_connect(HTTPRequest(address, headers=may))  # a page connects again, too
    python(name, "open('/tmp/enough', 'w')")
    printed = ""
    while "worked" not in printed:
        printed += json.loads(await browser.read_message())["content"].get("text", "")
    return printed


@whole
def test_a_kernel_works_on_while_the_hub_is_made_anew_and_its_page_comes_back(classroom, anna):
    token = json.loads(anna.ask(f"/hub/api/users/{ANNA}/tokens", method="POST")[1])["token"]

    def restart():
        before = call("docker", "inspect", "--format", "{{.Id}}", HUB).stdout
        classroom.shell("CLASS_CPUS=2 make class")
        assert call("docker", "inspect", "--format", "{{.Id}}", HUB).stdout != before
        wait_for(lambda: anna.ask(f"/user/{ANNA}/api/status")[0] == 200, "the server has its route")

    assert asyncio.run(outputs(classroom, ANNA, token, restart)) == "worked 42\n"


@whole
def test_a_hub_that_is_killed_while_eight_servers_start_keeps_nobody_out(classroom):
    def hub(form):
        return call("docker", "inspect", "--format", form, HUB).stdout.strip()

    rights = hub("{{.HostConfig.CapDrop}} {{.HostConfig.CapAdd}} {{.HostConfig.ReadonlyRootfs}}")
    assert rights == "[ALL] [] true"
    visitors = {name: classroom.visitor(name) for name in EIGHT}

    def start(name):
        try:
            return visitors[name].start(name)
        except OSError:  # of a hub that is gone
            return None

    with ThreadPoolExecutor(8) as threads:
        asked = threads.map(start, EIGHT)
        wait_for(lambda: len(set(EIGHT) & set(containers())) >= 4, "half of them have a container")
        call("docker", "exec", HUB, "sh", "-c", "kill -9 $(cat /proc/1/task/1/children)", check=False)
        list(asked)
    wait_for(lambda: hub("{{.RestartCount}} {{.State.Health.Status}}") == "1 healthy", "the hub was started again")
    log = call("docker", "logs", HUB).stdout
    assert "Found proxy pid file" not in log  # which may be another process's now
    for name, visitor in visitors.items():
        wait_for(lambda name=name, visitor=visitor: visitor.start(name)[0] in (201, 202, 400), f"{name} starts")
        wait_for(lambda name=name, visitor=visitor: sees_lab(visitor, name), f"the server of {name}")
    log = call("docker", "logs", HUB).stdout
    assert "does not appear to be running" not in log  # found out after minutes
    networks = call("docker", "network", "ls", "--quiet", "--filter", "label=lxmls.class").stdout.split()
    subnet = "{{(index .IPAM.Config 0).Subnet}}"
    subnets = call("docker", "network", "inspect", "--format", subnet, *networks).stdout.split()
    assert len(set(subnets)) == len(subnets) >= 8
    for name, visitor in visitors.items():
        classroom.stop(visitor, name)


def sees_lab(visitor, name):
    """Return whether somebody sees the page of their server."""
    return "jupyter-config-data" in visitor.ask(f"/user/{name}/lab")[1]


@whole
def test_new_notebooks_stand_beside_a_students_own_and_the_teacher_sees_what_the_class_does(classroom, anna, ben):
    def cells(name):
        status, text = ben.ask(f"/user/{BEN}/api/contents/{name}.ipynb")
        return text if status == 200 else ""

    python(BEN, "open('work/01-exercises.ipynb', 'a').write(' ')")  # as little as that makes it Ben's own
    classroom.stop(ben, BEN)
    call("docker", "tag", classroom.image, "lxmls-rnn-student:before")
    call("docker", "build", "-q", "-t", classroom.image, "-", input=NEWER.format(image="lxmls-rnn-student:before"))
    classroom.start(ben, BEN)
    assert "# Welcome back" in cells("00-welcome")
    assert not cells("00-welcome-new")
    assert "# Day 6:" in cells("01-exercises")
    assert "# Day 7:" in cells("01-exercises-new")
    assert not cells("class")
    assert "No such file" in python(BEN, "import os; os.listdir('class')", check=False).stdout

    classroom.start(classroom.teacher, TEACHER)
    python(ANNA, WORK)
    execute = "jupyter nbconvert --to notebook --execute --stdout --log-level ERROR work/class.ipynb"
    shown = call("docker", "exec", f"lxmls-student-{TEACHER}", *execute.split()).stdout
    assert re.search(rf">{ANNA}</th><td>✓ 3× \d+min</td>", shown)
    assert "Column 0 is h_0." in shown
    assert f">{CARLA}</th>" in shown  # who has not come yet
    assert f">{TEACHER}</th>" not in shown
    refused = python(TEACHER, f"open('class/{ANNA}/runs/exercises.json', 'a')", check=False).stdout
    assert "Read-only file system" in refused
    # whose volumes the teacher's server has made
    carla = classroom.at_work(CARLA)
    assert carla.ask(f"/user/{CARLA}/api/contents/00-welcome.ipynb")[0] == 200
    python(CARLA, "open('runs/of-carla', 'w')")
    seen = in_terminal("lxmls-rnn class show --answers", "--env", "COLUMNS=160")
    assert re.search(rf"│ {ANNA} +│ ✓ 3× ", seen)
    assert f"{ANNA}: Column 0 is h_0." in seen


def in_terminal(command, *options, **more):
    """Run a line in a terminal of the teacher's server."""
    return call("docker", "exec", *options, f"lxmls-student-{TEACHER}", "bash", "-euc", command, **more).stdout


@whole
def test_the_teacher_collects_the_work_by_the_page_and_no_link_is_followed(classroom, anna, ben):
    if TEACHER not in containers():
        classroom.start(classroom.teacher, TEACHER)
    python(ANNA, "import os; os.symlink('/etc', 'results/etc'); os.mkfifo('runs/pipe'); os.chmod('runs', 0o700)")
    collect = section("classroom.md", "After the class")[0]
    ways = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(["docker", "exec", "-i", f"lxmls-student-{ANNA}", "python", "-c", CHURN], **ways) as writer:
        assert writer.stdout.readline() == "writes\n"
        printed = in_terminal(collect)
        writer.stdin.close()
    assert "left out: runs/pipe is a special file" in printed
    status, _ = classroom.teacher.ask(f"/user/{TEACHER}/files/handed-in.tar.gz", method="HEAD")
    assert status == 200
    packed = in_terminal("tar -tvzf work/handed-in.tar.gz").splitlines()
    assert {line[0] for line in packed} == {"-", "d"}
    assert [line for line in packed if f"handed-in/{ANNA}/notebooks/00-welcome.ipynb" in line]
    assert [line for line in packed if f"handed-in/{BEN}/notebooks/01-exercises-new.ipynb" in line]


@whole
def test_a_class_is_backed_up_erased_and_restored_by_the_page(classroom, anna):
    """It has no server afterwards."""
    text = section("hub.md", "Backup, restore, erase")
    backup, restore, erase = (each.replace("lxmls-rnn-student", classroom.image) for each in text)
    python(ANNA, "open('runs/of-anna', 'w').write('kept')")
    assert "NOT COMPLETE" not in classroom.shell(backup.replace("make class\n", ""))
    made = {file.name for file in (classroom.lab.folder / "backup").iterdir()}
    assert made == {f"{name}.tar.gz" for name in volumes()}
    assert {"lxmls-class_state.tar.gz", f"lxmls-student-{ANNA}-runs.tar.gz"} < made
    classroom.shell(erase)
    assert not volumes()
    damaged = classroom.lab.folder / "backup/zzz.tar.gz"
    damaged.write_bytes((classroom.lab.folder / "backup/lxmls-class_state.tar.gz").read_bytes()[:-9])
    assert "NOT COMPLETE: zzz\n" in classroom.shell(restore)
    again = classroom.at_work(ANNA)
    assert python(ANNA, "print(open('runs/of-anna').read())").stdout == "kept\n"
    python(ANNA, "open('runs/of-anna', 'a')")
    classroom.stop(again, ANNA)


@whole
def test_a_student_is_removed_and_the_work_erased_by_the_page(classroom):
    carla = classroom.at_work(CARLA)
    remove, erase = section("classroom.md", "Accounts")[-1].replace("anna", CARLA).split("\n", 1)
    classroom.shell(remove)
    assert (carla.is_in(), CARLA in containers()) == (False, False)
    assert Visitor(classroom.address).log_in(CARLA, classroom.passwords[CARLA]) == 403
    assert f"lxmls-student-{CARLA}-runs" in volumes()
    classroom.shell(erase)
    assert not [name for name in volumes() if CARLA in name]


@whole
def test_an_open_network_is_open_after_the_class_was_stopped(classroom):
    classroom.at_work(ANNA)
    classroom.environ |= {"CLASS_NETWORK": "open"}
    assert "CLASS_NETWORK has changed" in classroom.shell("make class", check=False)
    classroom.shell("make class-down")
    classroom.shell("make class")
    for name in (ANNA, BEN):
        classroom.at_work(name)
    own, of_ben = addresses(f"lxmls-student-{ANNA}", f"lxmls-student-{BEN}")
    with socket.create_server(("0.0.0.0", 0)) as server:
        of_host = f"{next(network_of(own).hosts())}:{server.getsockname()[1]}"
        assert python(ANNA, CONNECT_ALL, of_host, f"{of_ben}:8888").stdout.split() == ["open", "ETIMEDOUT"]
