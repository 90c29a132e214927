"""JupyterHub for a class: a container of the lab for each student, with volumes of their own. See docs/hub.md."""

import os
import sys

from docker.utils import parse_bytes

sys.path.insert(0, os.path.dirname(__file__))
from accounts import ClassAuthenticator
from spawning import NETWORKS, ClassSpawner, Gpus, Rules, gateway, show_class, wait_for_rules
from state import PASSWORDS

c = get_config()  # noqa: F821

c.JupyterHub.bind_url = "http://0.0.0.0:8000"
# The proxy has a container of its own: students' servers stay reachable while the hub starts again. They reach the hub
# through it, by the names of the compose file's services: the proxy says from which address a request comes, and
# whoever could go past it could say anything.
c.JupyterHub.hub_ip = "0.0.0.0"
c.JupyterHub.hub_connect_ip = "hub"
c.Spawner.hub_connect_url = "http://proxy:8000"
c.ConfigurableHTTPProxy.should_start = False
c.ConfigurableHTTPProxy.api_url = "http://proxy:8001"
with open(os.environ["CLASS_PROXY_TOKEN"]) as file:
    c.ConfigurableHTTPProxy.auth_token = token = file.read()
# After a crash, the proxy gets its routes from the hub at the next look.
c.JupyterHub.last_activity_interval = 30
# Each server has its own host name, so that no page of a student acts in the session of who opens it.
domain = os.environ["CLASS_DOMAIN"]
c.JupyterHub.subdomain_host = domain
c.JupyterHub.cookie_host_prefix_enabled = domain.startswith("https:")
# A TLS proxy in front of the hub says whom it serves. Whatever comes by a port of the loopback interface comes from
# this machine, and has the address of the network's gateway.
trusted = [name.strip() for name in os.environ["CLASS_PROXY"].split(",") if name.strip()]
if os.environ["CLASS_BIND"].startswith("127."):
    trusted.append(gateway())
c.JupyterHub.trusted_downstream_ips = trusted
# Students' servers keep running when the hub restarts.
c.JupyterHub.cleanup_servers = False
# After an update; a copy of the database is kept.
c.JupyterHub.upgrade_db = True
# Other sites' pages send no cookies along, except with a link that is followed, and a link changes nothing.
c.JupyterHub.tornado_settings = {"cookie_options": {"SameSite": "Lax"}}

# Students of the roster choose a password at their first login. The teacher has one before the hub starts.
c.JupyterHub.authenticator_class = ClassAuthenticator
c.ClassAuthenticator.teacher = teacher = os.environ["CLASS_TEACHER"].lower()
c.ClassAuthenticator.dbm_path = PASSWORDS
c.ClassAuthenticator.create_users = False
c.ClassAuthenticator.check_passwords_on_startup = False  # of versions before 1.0
c.ClassAuthenticator.min_password_length = least = 10
c.Authenticator.allowed_users = {teacher}  # and the roster, at each login
c.JupyterHub.template_vars = {
    "announcement_login": f"At your first login, choose a password of at least {least} characters. It stays yours."
}

c.JupyterHub.spawner_class = ClassSpawner
c.DockerSpawner.image = os.environ["CLASS_IMAGE"]
c.DockerSpawner.pull_policy = "never"
c.DockerSpawner.cmd = ["jupyterhub-singleuser"]
c.DockerSpawner.network_name = "lxmls-class"
c.DockerSpawner.name_template = "lxmls-student-{username}"
c.DockerSpawner.remove = True
# For the container, and for the server in it. Eight that start at once on two busy cores have taken two minutes.
c.DockerSpawner.start_timeout = c.DockerSpawner.http_timeout = 300
c.DockerSpawner.client_kwargs = {"timeout": 300}  # a busy disk takes its time to fill new volumes
c.Spawner.default_url = "/lab/tree/00-welcome.ipynb"

# A new volume takes its owner from the image.
c.DockerSpawner.volumes = {
    "lxmls-student-{username}-notebooks": "/opt/lab/work",
    "lxmls-student-{username}-runs": "/opt/lab/runs",
    "lxmls-student-{username}-results": "/opt/lab/results",
}
c.DockerSpawner.read_only_volumes = {os.environ["LAB_DATA"]: "/opt/lab/data"}

# The only other writable folders are volumes that are deleted with the container.
c.DockerSpawner.mounts = [
    {"type": "volume", "source": "", "target": folder} for folder in ("/home/lab", "/opt/lab/cache", "/tmp")
]

# A student's disk space, and how often the hub checks it.
c.BoundedSpawner.disk_limit = disk = parse_bytes(os.environ["CLASS_DISK"])
c.BoundedSpawner.disk_free = parse_bytes(os.environ["CLASS_DISK_FREE"])
c.BoundedSpawner.volumes_folder = folder = os.environ["CLASS_VOLUMES"]
c.Spawner.poll_interval = 5
if not os.path.exists(f"{folder}/metadata.db"):  # Docker's list of volumes
    sys.exit(f"{folder} is not the Docker engine's folder of volumes: set CLASS_VOLUMES to it, as make class does")

# Limit the number of servers to what fits into memory, and the number that start at once.
memory = parse_bytes(os.environ["CLASS_MEMORY"])
machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
c.JupyterHub.active_server_limit = int(os.environ["CLASS_SERVERS"] or max(1, machine // memory))
c.JupyterHub.concurrent_spawn_limit = 8
c.DockerSpawner.mem_limit = memory
c.DockerSpawner.cpu_limit = float(os.environ["CLASS_CPUS"])
settings = {"LXMLS_DEVICE": "LAB_DEVICE", "THEANO_FLAGS": "LAB_THEANO_FLAGS", "LXMLS_CORPUS": "LXMLS_CORPUS"}
c.DockerSpawner.environment = {name: os.environ[given] for name, given in settings.items() if os.environ[given]}
c.DockerSpawner.extra_host_config = {
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "memswap_limit": memory,  # no swap
    "pids_limit": 1024,
    "read_only": True,
    "ulimits": [{"Name": "fsize", "Soft": disk, "Hard": disk}],  # size of one file
    "log_config": {"type": "local"},  # keeps the last 100 MB
}
if os.environ["LAB_RUNTIME"]:
    c.DockerSpawner.extra_host_config["runtime"] = os.environ["LAB_RUNTIME"]
    # Keep the kernels that are compiled for the GPU.
    c.DockerSpawner.volumes["lxmls-kernels-{username}"] = "/opt/lab/cache/gpu"

gpus = Gpus([name.strip() for name in os.environ["CLASS_GPUS"].split(",") if name.strip()])
if gpus.names and not os.environ["LAB_RUNTIME"]:
    sys.exit("CLASS_GPUS names GPUs, but LAB_RUNTIME is not set: set it to nvidia, as make gpu does")


network = os.environ["CLASS_NETWORK"]
if network not in NETWORKS:
    sys.exit(f"CLASS_NETWORK must be {', '.join(NETWORKS)}, got {network}")
if network != "open" and not wait_for_rules():
    sys.exit(
        "The rules of the students' network are not in force. After an update: make class-down, then make class. "
        "Otherwise `docker logs lxmls-class-firewall-1` says why; CLASS_NETWORK=open does without them"
    )
rules = Rules()


# These are functions, because the hub would copy a method and its object.
async def before_start(spawner):
    """Complete the settings of a container."""
    if network != "open":
        await rules.require()
    if spawner.user.name == teacher:
        await show_class(spawner)
    if gpus.names:
        await gpus.give(spawner)


def after_stop(spawner):
    """Release the container's GPU."""
    gpus.take_back(spawner)


c.Spawner.pre_spawn_hook = before_start
c.Spawner.post_stop_hook = after_stop

# A server that has been idle for an hour is stopped; its volumes are kept. students.py deletes accounts.
c.JupyterHub.services = [
    {"name": "idle-culler", "command": [sys.executable, "-m", "jupyterhub_idle_culler", "--timeout=3600"]},
    {"name": "students", "api_token": token},
]
c.JupyterHub.load_roles = [
    # Without a domain, a page of a student can do whatever the session of who opens it may do.
    {"name": "admin", "users": [teacher] if domain else []},
    {
        "name": "idle-culler",
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
        "services": ["idle-culler"],
    },
    {"name": "students", "scopes": ["delete:users", "delete:servers"], "services": ["students"]},
]
