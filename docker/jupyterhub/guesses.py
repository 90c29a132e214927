"""Limits of wrong passwords: per account and browser, per address, and in total."""

import time
from collections import defaultdict

COOKIE = "lxmls-browser"  # signed: the account that has logged in with this browser, or was made with it
KNOWN_DAYS = 180


class Guesses:
    """Wrong passwords of the last `seconds`.

    A browser that has logged in before has a count of its own. Other browsers share the counts of the account, of
    their address and of all addresses. So whoever guesses keeps out strangers, but neither the owner of an account nor
    others at the same address, such as a class behind one router. The account of the teacher, who must get in from any
    browser, shares no count with others.
    """

    def __init__(self, seconds, per_account, per_address, in_total, teacher, clock=time.monotonic):
        self.seconds, self.teacher, self.clock = seconds, teacher, clock
        self.most = {"known": per_account, "account": per_account, "address": per_address, "total": in_total}
        self.times = defaultdict(list)  # of wrong passwords and of those that are being checked, by kind and name

    def keys(self, handler, name):
        """Return what a guess counts for."""
        cookie = handler.get_secure_cookie(COOKIE, max_age_days=KNOWN_DAYS)
        if cookie == name.encode():
            return [("known", name)]
        others = [] if name == self.teacher else [("address", handler.request.remote_ip), ("total", "")]
        return [("account", name), *others]

    def begin(self, keys):
        """Count a guess before it is checked, as many may come at once; return False if it is one too many."""
        now = self.clock()
        for key in list(self.times):
            self.times[key] = [then for then in self.times[key] if now - then < self.seconds]
            if not self.times[key]:
                del self.times[key]
        if any(len(self.times.get(key, ())) >= self.most[key[0]] for key in keys):
            return False
        for key in keys:
            self.times[key].append(now)
        return True

    def was_right(self, keys):
        """Forget the guess that was begun last, and the wrong ones of the account."""
        for kind, name in keys:
            if kind in ("known", "account"):
                self.times.pop((kind, name), None)
            elif self.times.get((kind, name)):
                self.times[kind, name].pop()

    def remember(self, handler, name):
        """Make the browser known for an account."""
        handler._set_cookie(COOKIE, name, path=handler.hub.base_url, expires_days=KNOWN_DAYS)
