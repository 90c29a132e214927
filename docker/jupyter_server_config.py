"""Settings of JupyterLab in the container; entrypoint.sh sets the token in the environment."""

c = get_config()  # noqa: F821

# Listen on all interfaces of the container; docker-compose.yml selects the host's.
c.ServerApp.ip, c.ServerApp.port = "0.0.0.0", 8888
c.ServerApp.port_retries = 0
c.ServerApp.open_browser = False
c.ServerApp.root_dir = "/opt/lab/work"
# In rootless Docker the server runs as root of the container, who is the caller outside.
c.ServerApp.allow_root = True
# The server's messages show addresses that the host cannot use; entrypoint.sh prints the correct one.
c.Application.log_level = "WARN"
c.ServerApp.quit_button = False
c.ServerApp.terminado_settings = {"shell_command": ["/bin/bash"]}
# Delete files instead of moving them to a trash folder, which would be lost with the container.
c.FileContentsManager.delete_to_trash = False
# The kernels talk to the server through sockets on disk, which no network reaches.
c.KernelManager.transport = "ipc"
# Packages belong to the image and cannot be installed from the browser.
c.LabApp.extension_manager = "readonly"
