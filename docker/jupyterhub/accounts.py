"""Accounts of a class: a limited number, and a teacher's account whose first password opens only one page."""

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import bcrypt
from guesses import Guesses
from nativeauthenticator import NativeAuthenticator
from nativeauthenticator.orm import UserInfo
from pages import PAGES
from tornado.web import Finish, HTTPError
from traitlets import Int, Unicode

NAME_LENGTH = 40  # part of the name of a container and of volumes
PASSWORD_BYTES = 72  # all that bcrypt looks at
OWN_LETTERS = 6  # of a password, besides the account's name


class ClassAuthenticator(NativeAuthenticator):
    """Accounts with passwords, limited in number so that a script cannot create them without end."""

    students = Int(config=True, help="How many accounts students can make")
    teacher = Unicode(config=True, help="The teacher's name")
    roster = Unicode("students.txt", config=True, help="File of names, a line each, that need not wait for the teacher")
    guesses_per_address = Int(20, config=True, help="Wrong passwords from one address, of browsers that are unknown")
    guesses_in_total = Int(100, config=True, help="Wrong passwords from all addresses, of browsers that are unknown")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.guesses = Guesses(
            self.seconds_before_next_try,
            self.allowed_failed_logins,
            self.guesses_per_address,
            self.guesses_in_total,
            teacher=self.teacher,
        )
        self.bcrypt = ThreadPoolExecutor(1)  # slow by design: neither the hub's own thread nor two processors for it
        self.in_the_making = 0

    async def is_password_of(self, account, password):
        """Whether this is the password of an account."""
        # earlier versions of bcrypt cut what is longer
        guess = password.encode()[:PASSWORD_BYTES]
        return await asyncio.get_running_loop().run_in_executor(self.bcrypt, bcrypt.checkpw, guess, account.password)

    async def hashed(self, password):
        """Return what is stored of a password."""
        salt = bcrypt.gensalt()
        return await asyncio.get_running_loop().run_in_executor(self.bcrypt, bcrypt.hashpw, password.encode(), salt)

    def objection(self, name, password):
        """Return why an account must not have this name or password, None if it may."""
        if not self.validate_username(name) or len(name) > NAME_LENGTH:
            return f"A name has at most {NAME_LENGTH} characters, and no spaces, commas or slashes."
        if not self.is_password_strong(password) or len(password.encode()) > PASSWORD_BYTES:
            least = self.minimum_password_length
            return f"A password has at least {least} characters, {PASSWORD_BYTES} at most, and is not a common one."
        if len(password.lower().replace(name, "")) < OWN_LETTERS:
            return "A password must be more than the name of the account."
        return None

    def is_expected(self, name):
        """Whether the roster has this name."""
        try:
            names = Path(self.roster).read_text(encoding="utf-8-sig").splitlines()
        except FileNotFoundError:
            return False
        return name in {self.normalize_username(line.strip()) for line in names}

    async def sign_up(self, name, password):
        """Create an account, which the teacher has to admit unless the roster has its name.

        Return why not, None if it was created; HTTPError 403 if the class is full.
        """
        name = self.normalize_username(name)
        if self.user_exists(name):
            return "This name is already in use. Choose another one."
        reason = self.objection(name, password)
        if reason:
            return reason
        if self.db.query(UserInfo).count() + self.in_the_making > self.students:  # one is the teacher's
            full = f"The class is full: there are accounts for {self.students} students. Ask the teacher."
            raise HTTPError(403, full)
        self.in_the_making += 1
        try:
            stored = await self.hashed(password)
        finally:
            self.in_the_making -= 1
        if self.user_exists(name):
            return "This name is already in use. Choose another one."
        self.db.add(UserInfo(username=name, password=stored, is_authorized=self.is_expected(name)))
        self.db.commit()
        return None

    async def set_password(self, account, password):
        """Give an account another password; return why not, None if it has it."""
        reason = self.objection(account.username[:NAME_LENGTH], password)
        if reason is None:
            account.password = await self.hashed(password)
            self.db.commit()
        return reason

    def give_first_password(self):
        """Give the teacher's account, which is created if it is missing, a first password; return it.

        With it the account is not authorized, so it opens nothing. None if the teacher's name is invalid.
        """
        password = secrets.token_urlsafe(12)
        account = self.get_user(self.teacher)
        if account is None:
            account = super().create_user(self.teacher, password)
        else:
            self.change_password(self.teacher, password)
        if account is None:
            return None
        account.is_authorized = False
        self.db.commit()
        return password

    def new_teacher(self):
        """Return the teacher's account if it still has its first password, else None."""
        account = self.get_user(self.teacher)
        return None if account is None or account.is_authorized else account

    async def is_right(self, handler, account, name, password):
        """Whether this is the password of `account` (None: there is none); HTTPError 429 after too many wrong ones."""
        keys = self.guesses.keys(handler, name)
        if not self.guesses.begin(keys):
            minutes = self.seconds_before_next_try // 60
            raise HTTPError(
                429, f"Too many wrong passwords. Take a browser that has logged in before, or wait {minutes} minutes."
            )
        if account is None or not await self.is_password_of(account, password):
            return False
        self.guesses.was_right(keys)
        return True

    async def authenticate(self, handler, data):
        """Authenticate a user; the teacher's first password redirects to the page that changes it."""
        name, password = self.normalize_username(data["username"]), data["password"]
        account = self.get_user(name)
        if not await self.is_right(handler, account, name, password):
            return None
        if account is self.new_teacher():
            handler.redirect(handler.hub.base_url + "first-password")
            raise Finish
        if not account.is_authorized:
            raise HTTPError(403, "The teacher has not admitted you yet.")
        self.guesses.remember(handler, name)
        return name

    def get_handlers(self, app):
        """Return the pages of accounts, in place of NativeAuthenticator's."""
        return list(PAGES.items())
