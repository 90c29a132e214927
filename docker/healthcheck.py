"""Exit with 0 if the JupyterLab of this container answers, else with 1 and the reason."""

import sys
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

try:
    # This address needs no token. No proxy is used, because the server is in this container.
    with build_opener(ProxyHandler({})).open("http://127.0.0.1:8888/api", timeout=4) as answer:
        print(answer.read().decode())
except (URLError, OSError) as error:
    sys.exit(f"JupyterLab does not answer: {error}")
