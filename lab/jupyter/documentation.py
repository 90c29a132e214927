"""Extension of Jupyter's server: the documentation site, read-only, for those who are logged in.

A link to ``../../docs/gpu.md`` is right in a checkout. Here the server answers it with ``site/docs/gpu.html``.
"""

from pathlib import Path

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join
from tornado import web

LAB = Path(__file__).parents[1]
SITE = next(filter(Path.is_dir, [LAB / "site"]), LAB.parent / "build/site")  # in a wheel, in a checkout
MISSING = "The documentation is not built here. In the project's folder, <code>make docs</code> builds it."


class DocumentationPage(JupyterHandler, web.StaticFileHandler):
    """A file of the documentation; it loads nothing from other sites, and no other site can put it into a frame."""

    content_security_policy = (
        "default-src 'self' data:; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
        "frame-ancestors 'self'"
    )

    @web.authenticated
    async def get(self, path: str, include_body: bool = True) -> None:
        """Send a file; say so if there is no site."""
        if not SITE.is_dir():
            self.set_status(404)
            self.finish(f"<!doctype html><title>Documentation</title><p>{MISSING}</p>")
        elif path.endswith(".md"):
            self.redirect(url_path_join(self.base_url, "site", f"{path[:-3]}.html"))
        else:
            await super().get(path, include_body)


def _jupyter_server_extension_points():
    return [{"module": __name__}]


def _load_jupyter_server_extension(app):
    paths = r"(docs/[\w-]+\.md)", "site/(.*)"
    app.web_app.add_handlers(
        ".*", [(url_path_join(app.base_url, path), DocumentationPage, {"path": SITE}) for path in paths]
    )
