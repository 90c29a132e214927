"""Exit with 0 if the JupyterLab of this container answers, else with 1 and the reason.

`healthcheck.py PORT` asks the scheduler or the worker of a cluster instead.
"""

import sys
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

name, address = "JupyterLab", "http://127.0.0.1:8888/api"  # needs no token
if sys.argv[1:]:
    name, address = "Dask", f"http://127.0.0.1:{sys.argv[1]}/health"
try:
    # No proxy is used, because the server is in this container.
    with build_opener(ProxyHandler({})).open(address, timeout=4) as answer:
        print(answer.read().decode())
except (URLError, OSError) as error:
    sys.exit(f"{name} does not answer: {error}")
