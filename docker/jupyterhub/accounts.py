"""Accounts of a class: a limited number, and a teacher's account whose first password opens only one page."""

import secrets

from nativeauthenticator import NativeAuthenticator
from nativeauthenticator.handlers import LocalBase
from nativeauthenticator.orm import UserInfo
from tornado.web import Finish, HTTPError
from traitlets import Int, Unicode


class ClassAuthenticator(NativeAuthenticator):
    """Accounts with passwords, limited in number so that a script cannot create them without end."""

    students = Int(config=True, help="How many accounts students can make")
    teacher = Unicode(config=True, help="The teacher's name")

    def create_user(self, username, password, **more):
        """Create an account that the teacher has to admit; HTTPError 403 if the class is full."""
        if self.db.query(UserInfo).count() > self.students:  # one is the teacher's
            reason = f"The class is full: there are accounts for {self.students} students. Ask the teacher."
            raise HTTPError(403, reason)
        return super().create_user(username, password, **more)

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

    def is_first_password(self, name, password):
        """Whether this is the teacher's first password; False after too many wrong guesses."""
        account = self.new_teacher()
        if account is None or account.username != self.normalize_username(name) or self.is_blocked(account.username):
            return False
        return account.is_valid_password(password)

    def take_password(self, password):
        """Set the teacher's final password and authorize the account; return False if the password is not accepted."""
        account = self.new_teacher()
        if account.is_valid_password(password) or not self.change_password(account.username, password):
            return False
        account.is_authorized = True
        self.db.commit()
        return True

    async def authenticate(self, handler, data):
        """Authenticate a user; the teacher's first password redirects to the page that changes it."""
        if self.is_first_password(data["username"], data["password"]):
            handler.redirect(handler.hub.base_url + "first-password")
            raise Finish
        return await super().authenticate(handler, data)

    def get_handlers(self, app):
        """Return the authenticator's pages and the one that changes the first password."""
        return [*super().get_handlers(app), ("/first-password", FirstPasswordHandler)]


class FirstPasswordHandler(LocalBase):
    """Page that changes the teacher's first password and logs in with the new one."""

    async def get(self):
        """Show the page."""
        await self.show(
            "The old password is the one that was printed. Choose another one: it opens nothing else.", "alert-info"
        )

    async def post(self):
        """Change the password, or show what is wrong."""
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
            await self.show(f"Choose another one, of at least {least} characters, that is not common.")
        else:
            await self.login_user({"username": teacher.username, "password": new})
            self.redirect(self.hub.base_url + "home")

    def new_teacher(self):
        """Return the teacher's account; HTTPError 404 if its first password has been changed."""
        account = self.authenticator.new_teacher()
        if account is None:
            raise HTTPError(404, "The teacher has already chosen a password.")
        return account

    async def show(self, message, alert="alert-danger"):
        """Send the page with a message."""
        name = self.new_teacher().username
        page = self.render_template("change-password.html", user_name=name, result_message=message, alert=alert)
        self.finish(await page)
