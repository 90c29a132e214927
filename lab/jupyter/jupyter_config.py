"""Configuration of Jupyter's server: browsers send its cookie with requests of its own pages only.

Otherwise a link on another site's page could start a kernel, since Voila starts one for each GET.
"""

c = get_config()  # noqa: F821

c.IdentityProvider.cookie_options = {"SameSite": "Strict"}
