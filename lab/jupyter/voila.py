"""Configuration of Voila, which shows notebooks without code; it must load nothing from other servers.

Each GET of a page of Voila runs a notebook, so a page of another site must not cause one.
"""

from tornado.web import HTTPError

c = get_config()  # noqa: F821


def use_own_mathjax(page_config, **_):
    """Use the MathJax shipped with Voila; without these nulls Voila loads another one from a CDN."""
    return {**page_config, "fullMathjaxUrl": None, "mathjaxConfig": None}


def refuse_other_sites(request_handler, **_):
    """Refuse a request that a page of another site has made the browser send."""
    if request_handler.request.headers.get("Sec-Fetch-Site") == "cross-site":
        reason = "This address runs a notebook, so no page of another site may open it. Open it from the lab."
        raise HTTPError(403, reason=reason)  # Voila's page of an error shows its reason


c.VoilaConfiguration.prelaunch_hook = refuse_other_sites
c.VoilaConfiguration.page_config_hook = use_own_mathjax
c.VoilaConfiguration.template = "lxmls"
