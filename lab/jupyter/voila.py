"""Configuration of Voila, which shows notebooks without code; it must load nothing from other servers."""

c = get_config()  # noqa: F821


def use_own_mathjax(page_config, **_):
    """Use the MathJax shipped with Voila; without these nulls Voila loads another one from a CDN."""
    return {**page_config, "fullMathjaxUrl": None, "mathjaxConfig": None}


c.VoilaConfiguration.page_config_hook = use_own_mathjax
c.VoilaConfiguration.template = "lxmls"
