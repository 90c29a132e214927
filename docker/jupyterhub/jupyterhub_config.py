"""JupyterHub for a class: a container of the lab for each student, with volumes of their own. See docs/classroom.md."""

import os
import sys

c = get_config()  # noqa: F821

c.JupyterHub.bind_url = "http://:8000"
# Students' servers reach the hub by the name of its service in the compose file.
c.JupyterHub.hub_ip = "0.0.0.0"
c.JupyterHub.hub_connect_ip = "hub"
# When the hub is restarted, students go on.
c.JupyterHub.cleanup_servers = False

# An example: whoever reaches the page makes an account with a password. The teacher's comes first, it is the admin's.
c.JupyterHub.authenticator_class = "native"
c.NativeAuthenticator.open_signup = True
c.Authenticator.allow_all = True
c.Authenticator.admin_users = {os.environ["CLASS_TEACHER"]}

c.JupyterHub.spawner_class = "docker"
c.DockerSpawner.image = "lxmls-rnn-student:latest"
c.DockerSpawner.pull_policy = "never"
c.DockerSpawner.cmd = ["jupyterhub-singleuser"]
c.DockerSpawner.network_name = "lxmls-class"
c.DockerSpawner.name_template = "lxmls-student-{username}"
c.DockerSpawner.remove = True
c.DockerSpawner.start_timeout = 120
c.Spawner.default_url = "/lab/tree/00-welcome.ipynb"

# A volume that is not there yet is filled from the image.
c.DockerSpawner.volumes = {
    "lxmls-student-{username}-notebooks": "/opt/lab/lab/notebooks",
    "lxmls-student-{username}-runs": "/opt/lab/runs",
    "lxmls-student-{username}-results": "/opt/lab/results",
}
c.DockerSpawner.read_only_volumes = {os.environ["LAB_DATA"]: "/opt/lab/data"}

c.DockerSpawner.mem_limit = os.environ["CLASS_MEMORY"]
c.DockerSpawner.cpu_limit = float(os.environ["CLASS_CPUS"])
c.DockerSpawner.environment = {"LXMLS_DEVICE": os.environ["LAB_DEVICE"]}
if os.environ["LAB_THEANO_FLAGS"]:
    c.DockerSpawner.environment["THEANO_FLAGS"] = os.environ["LAB_THEANO_FLAGS"]
c.DockerSpawner.extra_host_config = {"cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}
if os.environ["LAB_RUNTIME"]:
    c.DockerSpawner.extra_host_config["runtime"] = os.environ["LAB_RUNTIME"]
    # The kernels that were compiled for the GPU.
    c.DockerSpawner.volumes["lxmls-kernels-{username}"] = "/opt/lab/cache/gpu"

# A server that nobody has used for an hour is stopped; its volumes stay.
c.JupyterHub.services = [
    {"name": "idle-culler", "command": [sys.executable, "-m", "jupyterhub_idle_culler", "--timeout=3600"]}
]
c.JupyterHub.load_roles = [
    {
        "name": "idle-culler",
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
        "services": ["idle-culler"],
    }
]
