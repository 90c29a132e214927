"""JupyterHub for a class: a container of the lab for each student, with volumes of their own. See docs/hub.md."""

import os
import secrets
import sys

from accounts import TEACHER, TOKEN, ClassAuthenticator, write
from docker.utils import parse_bytes
from spawning import FOLDERS, ClassSpawner

c = get_config()  # noqa: F821
setting = os.environ.get

c.JupyterHub.bind_url = "http://0.0.0.0:8000"
c.JupyterHub.hub_ip = "0.0.0.0"
c.JupyterHub.hub_connect_ip = "hub"  # its name in each network
c.ConfigurableHTTPProxy.pid_file = "/tmp/proxy.pid"  # gone with the container that had the process
# Each server has its own host name, so that no page of a student acts in the session of who opens it.
c.JupyterHub.subdomain_host = domain = setting("CLASS_DOMAIN", "")
# The address that a TLS proxy serves; with https, cookies are Secure.
c.JupyterHub.public_url = setting("CLASS_URL") or domain
c.JupyterHub.cookie_host_prefix_enabled = domain.startswith("https:")
# Students' servers keep running when the hub restarts.
c.JupyterHub.cleanup_servers = False
# After an update; a copy of the database is kept.
c.JupyterHub.upgrade_db = True
# Other sites' pages send no cookies along, except with a link that is followed, and a link changes nothing.
c.JupyterHub.tornado_settings = {"cookie_options": {"SameSite": "Lax"}}

c.JupyterHub.authenticator_class = ClassAuthenticator
c.Authenticator.allow_all = True  # who has an account

c.JupyterHub.spawner_class = ClassSpawner
c.ClassSpawner.closed = setting("CLASS_NETWORK") != "open"
c.DockerSpawner.image = setting("CLASS_IMAGE", "")
c.DockerSpawner.pull_policy = "never"
c.DockerSpawner.cmd = ["jupyterhub-singleuser"]
c.DockerSpawner.name_template = "lxmls-student-{username}"
c.DockerSpawner.remove = True
# For the container, and for the server in it. Eight that start at once on two busy cores have taken two minutes.
c.DockerSpawner.start_timeout = c.DockerSpawner.http_timeout = 300
c.DockerSpawner.client_kwargs = {"timeout": 300}
c.Spawner.default_url = "/lab/tree/00-welcome.ipynb"
# A new volume takes its owner from the image. The only other writable folders are deleted with the container.
c.DockerSpawner.volumes = {f"lxmls-student-{{username}}-{part}": folder for part, folder in FOLDERS.items()}
c.DockerSpawner.read_only_volumes = {setting("LAB_DATA", "/data"): "/opt/lab/data"}
c.DockerSpawner.mounts = [
    {"type": "volume", "source": "", "target": folder} for folder in ("/home/lab", "/opt/lab/cache", "/tmp")
]

# As many servers as fit into memory, and eight that start at once.
memory, file_size = parse_bytes(setting("CLASS_MEMORY", "768M")), parse_bytes("2G")
machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
c.JupyterHub.active_server_limit = max(1, machine // memory)
c.JupyterHub.concurrent_spawn_limit = 8
c.DockerSpawner.mem_limit = memory
c.DockerSpawner.cpu_limit = float(setting("CLASS_CPUS", "1"))
settings = {"LXMLS_DEVICE": "LAB_DEVICE", "THEANO_FLAGS": "LAB_THEANO_FLAGS", "LXMLS_CORPUS": "LXMLS_CORPUS"}
c.DockerSpawner.environment = {name: setting(given) for name, given in settings.items() if setting(given)}
c.DockerSpawner.extra_host_config = {
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "memswap_limit": memory,  # no swap
    "pids_limit": 1024,
    "read_only": True,
    "ulimits": [{"Name": "fsize", "Soft": file_size, "Hard": file_size}],
    "log_config": {"type": "local"},  # keeps the last 100 MB
}
if setting("LAB_RUNTIME"):
    c.DockerSpawner.extra_host_config["runtime"] = setting("LAB_RUNTIME")
    # Keep the kernels that are compiled for the GPU.
    c.DockerSpawner.volumes["lxmls-kernels-{username}"] = "/opt/lab/cache/gpu"

# A server that has been idle for an hour is stopped. `python -m accounts` ends servers and sessions.
write(TOKEN, token := secrets.token_hex())
c.JupyterHub.services = [
    {"name": "idle-culler", "command": [sys.executable, "-m", "jupyterhub_idle_culler", "--timeout=3600"]},
    {"name": "accounts", "api_token": token},
]
c.JupyterHub.load_roles = [
    # Without a domain, a page of a student can do whatever the session of who opens it may do.
    {"name": "admin", "users": [TEACHER] if domain else []},
    {"name": "accounts", "scopes": ["delete:users", "delete:servers"], "services": ["accounts"]},
    {
        "name": "idle-culler",
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
        "services": ["idle-culler"],
    },
]
