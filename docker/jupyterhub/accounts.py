"""Accounts of a class: whoever is on the roster chooses a password at the first login."""

import asyncio
import dbm
import hashlib
import hmac
import time
from concurrent.futures import ThreadPoolExecutor

from firstuseauthenticator import FirstUseAuthenticator
from state import TEACHERS_PASSWORD, digest, names
from tornado.web import HTTPError
from traitlets import Unicode

PASSWORD_BYTES = 72  # all that bcrypt looks at
MAX_WAIT_SECONDS, FORGET_SECONDS = 60, 3600
MAX_CHECKS, RETRY_SECONDS = 20, 5  # that wait for their turn, some seconds in all; when others may try again
COOKIE, COOKIE_DAYS = "lxmls-browser", 180  # signed: the account that has logged in with this browser


class ClassAuthenticator(FirstUseAuthenticator):
    """The teacher, whose password exists before the hub starts, and the students of the roster."""

    teacher = Unicode(config=True, help="The teacher's name")

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.waits = {}  # wrong passwords and the time until which to wait, by account and address or known browser
        self.bcrypt = ThreadPoolExecutor(1)  # slow by design: neither the hub's own thread nor two processors for it
        self.checks = 0  # of passwords, begun or waiting

    def _user_exists(self, username):
        return username in self.allowed_users

    async def authenticate(self, handler, data):
        """Return the name of who logs in, None if the name or the password is wrong; HTTPError says what else is."""
        if not {"username", "password"} <= data.keys():
            raise HTTPError(400, "A login needs username and password.")
        name, password = self.normalize_username(data["username"]), data["password"]
        if name == self.teacher:  # no wait, so that nobody keeps the teacher out: the password cannot be guessed
            return name if hmac.compare_digest(digest(password), TEACHERS_PASSWORD.read_text()) else None
        self.allowed_users = {self.teacher, *names()}
        if not self._user_exists(name):
            return None
        if len(password.encode()) > PASSWORD_BYTES:
            raise HTTPError(403, f"A password has at most {PASSWORD_BYTES} bytes.")

        now = time.monotonic()
        known = handler.get_secure_cookie(COOKIE, max_age_days=COOKIE_DAYS) == self._cookie(name).encode()
        key = name, "" if known else handler.request.remote_ip
        self.waits = {each: wait for each, wait in self.waits.items() if now < wait[1] + FORGET_SECONDS}
        wrong, end = self.waits.get(key, (0, now))
        if now < end:
            raise HTTPError(429, f"Wrong passwords before: wait {end - now:.0f} seconds, then try again.")
        if self.checks >= MAX_CHECKS:
            busy = HTTPError(503, f"Many log in at this moment: try again in {RETRY_SECONDS} seconds.")
            busy.headers = {"Retry-After": str(RETRY_SECONDS)}
            raise busy
        # counted before it is checked, as many may come at once
        self.waits[key] = wrong + 1, now + min(2**wrong, MAX_WAIT_SECONDS)
        check = super().authenticate(handler, data)
        self.checks += 1
        try:
            found = await asyncio.get_running_loop().run_in_executor(self.bcrypt, asyncio.run, check)
        finally:
            self.checks -= 1
        if found:
            self.waits.pop(key, None)  # unless another login of the same account was sooner
            handler._set_cookie(COOKIE, self._cookie(name), path=handler.hub.base_url, expires_days=COOKIE_DAYS)
        elif reason := getattr(handler, "custom_login_error", None):
            raise HTTPError(403, reason)
        return found

    def _cookie(self, name):
        """Return what a browser keeps that has logged in; another password makes it worthless."""
        with dbm.open(self.dbm_path, "c", 0o600) as passwords:
            stored = passwords.get(name.encode(), b"")
        return f"{name} {hashlib.sha256(stored).hexdigest()}"

    def get_handlers(self, app):
        """Leave out the library's pages: one changes a password without asking for the old one."""
        return []
