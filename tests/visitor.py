"""A browser without JavaScript, for the pages of a hub."""

import http.cookiejar
import urllib.error
import urllib.parse
import urllib.request


class Visitor:
    """Somebody at a browser, who asks a hub for pages with the cookies that it has set."""

    def __init__(self, address, *handlers, cookies=(), **headers):
        self.address, self.cookies, self.headers = address, http.cookiejar.CookieJar(), headers
        for cookie in cookies:
            self.cookies.set_cookie(cookie)
        direct, kept = urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(self.cookies)
        self.opener = urllib.request.build_opener(direct, kept, *handlers)

    def ask(self, path, method=None, token=True, **fields):
        """Return status and text of a page; fields are posted. Pages of other sites do not know the token."""
        xsrf = next((cookie.value for cookie in self.cookies if cookie.name == "_xsrf"), "") if token else ""
        data = urllib.parse.urlencode({**fields, "_xsrf": xsrf}).encode() if fields else None
        headers = {"X-XSRFToken": xsrf, **self.headers}
        request = urllib.request.Request(self.address + path, data, headers, method=method)
        try:
            with self.opener.open(request) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def log_in(self, name, password):
        """Return the status of a login: 200 for the page that follows, 403 for a refusal. It starts no server."""
        self.ask("/hub/login?next=/hub/home")
        return self.ask("/hub/login?next=/hub/home", username=name, password=password)[0]

    def is_in(self):
        """Return whether the hub shows the page of an account, not the one for the login."""
        return "/hub/logout" in self.ask("/hub/home")[1]

    def start(self, name):
        """Ask for a server; return the status and the reason."""
        self.ask("/hub/home")
        return self.ask(f"/hub/api/users/{name}/server", method="POST")
