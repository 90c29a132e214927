"""The accounts of a class: so many and no more, and a teacher whose first password opens one page only."""

import secrets

from nativeauthenticator import NativeAuthenticator
from nativeauthenticator.handlers import LocalBase
from nativeauthenticator.orm import UserInfo
from tornado.web import Finish, HTTPError
from traitlets import Int, Unicode


class ClassAuthenticator(NativeAuthenticator):
    """Accounts with passwords of their own; a script cannot make them without end."""

    students = Int(config=True, help="How many accounts students can make")
    teacher = Unicode(config=True, help="The teacher's name")

    def create_user(self, username, password, **more):
        """Make an account that waits for the teacher, unless the class is full."""
        if self.db.query(UserInfo).count() > self.students:  # one is the teacher's
            reason = f"The class is full: there are accounts for {self.students} students. Ask the teacher."
            raise HTTPError(403, reason)
        return super().create_user(username, password, **more)

    def give_first_password(self):
        """Give the teacher, whose account is made where there is none, a password to begin with; return it.

        Not authorized, the account opens nothing. None where the teacher's name is no name.
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
        """Return the teacher's account while it has its first password, else None."""
        account = self.get_user(self.teacher)
        return None if account is None or account.is_authorized else account

    def is_first_password(self, name, password):
        """Say whether this is the new teacher's; never to who has guessed too often."""
        account = self.new_teacher()
        if account is None or account.username != self.normalize_username(name) or self.is_blocked(account.username):
            return False
        return account.is_valid_password(password)

    def take_password(self, password):
        """Give the teacher a password that opens everything; say whether it is good enough."""
        account = self.new_teacher()
        if account.is_valid_password(password) or not self.change_password(account.username, password):
            return False
        account.is_authorized = True
        self.db.commit()
        return True

    async def authenticate(self, handler, data):
        """Let those in who may; the teacher's first password leads to the page where it is changed."""
        if self.is_first_password(data["username"], data["password"]):
            handler.redirect(handler.hub.base_url + "first-password")
            raise Finish
        return await super().authenticate(handler, data)

    def get_handlers(self, app):
        """Add that page."""
        return [*super().get_handlers(app), ("/first-password", FirstPasswordHandler)]


class FirstPasswordHandler(LocalBase):
    """Changes the teacher's first password, and logs in with the new one."""

    async def get(self):
        """Show the page."""
        await self.show(
            "The old password is the one that was printed. Take another one: it opens nothing else.", "alert-info"
        )

    async def post(self):
        """Change the password, or say what is wrong."""
        teacher, accounts = self.new_teacher(), self.authenticator
        first, new, again = (
            self.get_body_argument(name, strip=False)
            for name in ("old_password", "new_password", "new_password_confirmation")
        )
        if not accounts.is_first_password(teacher.username, first):
            accounts.add_login_attempt(teacher.username)
            await self.show("That is not the first password, or there were too many guesses: try again in ten minutes.")
        elif new != again:
            await self.show("The new password and its confirmation differ.")
        elif not accounts.take_password(new):
            least = accounts.minimum_password_length
            await self.show(f"Take another one, of at least {least} characters, that is not common.")
        else:
            await self.login_user({"username": teacher.username, "password": new})
            self.redirect(self.hub.base_url + "home")

    def new_teacher(self):
        """Return the account."""
        account = self.authenticator.new_teacher()
        if account is None:
            raise HTTPError(404, "The teacher has taken a password.")
        return account

    async def show(self, message, alert="alert-danger"):
        """Answer with the page and a message on it."""
        name = self.new_teacher().username
        page = self.render_template("change-password.html", user_name=name, result_message=message, alert=alert)
        self.finish(await page)
