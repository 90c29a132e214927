"""Voila, which shows a notebook as a page without code: everything it needs comes from this server, not from afar."""

c = get_config()  # noqa: F821


def local_mathjax(page_config, base_url, **_):
    """Formulas are set with the MathJax that jupyter-server-mathjax serves."""
    return {**page_config, "fullMathjaxUrl": f"{base_url}static/jupyter_server_mathjax/MathJax.js"}


c.VoilaConfiguration.page_config_hook = local_mathjax
c.VoilaConfiguration.template = "lxmls"
