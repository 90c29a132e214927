"""JupyterLab in the container; the token comes from the environment (entrypoint.sh)."""

import os
import warnings

import voila  # noqa: F401

c = get_config()  # noqa: F821

# All of the container's interfaces: which of the host's can reach them is for docker-compose.yml to say. Apptainer's
# containers have none of their own.
c.ServerApp.ip, port = "0.0.0.0", "8888"
if "APPTAINER_CONTAINER" in os.environ:
    c.ServerApp.ip, port = os.environ.get("LAB_ADDRESS", "127.0.0.1:8888").split(":")
c.ServerApp.port = int(port)
c.ServerApp.port_retries = 0
c.ServerApp.open_browser = False
c.ServerApp.root_dir = "/opt/lab/lab/notebooks"
# It runs as whatever user the compose file names, of whom the container knows no name.
c.ServerApp.allow_root = True
# The server's own words repeat the address with names that the host cannot use; entrypoint.sh has said the right one.
c.Application.log_level = "WARN"
c.ServerApp.quit_button = False
c.ServerApp.terminado_settings = {"shell_command": ["/bin/bash"]}
# What is deleted is deleted: a trash can in the container would be gone with it.
c.FileContentsManager.delete_to_trash = False
# The kernels talk to the server through sockets on disk, which no network reaches.
c.KernelManager.transport = "ipc"
# Packages belong to the image: nothing is installed from the browser.
c.LabApp.extension_manager = "readonly"
# Voila turns these on when it is imported, and the server gives cause for one; nobody here can mend it.
warnings.filterwarnings("ignore", category=DeprecationWarning, module="traitlets")
