"""Pages of accounts, in place of NativeAuthenticator's: they change nothing on GET, and hash passwords in a thread."""

from jupyterhub.handlers.login import LoginHandler
from nativeauthenticator.handlers import LocalBase
from nativeauthenticator.orm import UserInfo
from tornado.httputil import url_concat
from tornado.web import HTTPError, authenticated


class SignUpHandler(LocalBase):
    """Page on which a student creates an account."""

    async def get(self):
        """Show the page."""
        await self.show()

    async def post(self):
        """Create the account, or show what is wrong."""
        name, password, again = (
            self.get_body_argument(field, strip=False)
            for field in ("username", "signup_password", "signup_password_confirmation")
        )
        if password != again:
            await self.show("The password and its confirmation differ.")
            return
        reason = await self.authenticator.sign_up(name, password)
        if reason:
            await self.show(reason)
            return
        self.authenticator.guesses.remember(self, self.authenticator.normalize_username(name))
        if self.authenticator.get_user(self.authenticator.normalize_username(name)).is_authorized:
            await self.show("You have an account. Now you can log in.", "alert-success")
        else:
            await self.show("The teacher has been asked to admit you. Then you can log in.", "alert-info")

    async def show(self, message=None, alert="alert-danger"):
        """Send the page, with a message."""
        page = self.render_template("signup.html", result_message=message, alert=message and alert)
        self.finish(await page)


class TeachersPage(LocalBase):
    """Page for the teacher, whose password each change needs again.

    All servers may have the hub's host name, so a page that a student's server sends can act in the session of who
    opens it.
    """

    async def prepare(self):
        """Refuse everybody but the teacher."""
        await super().prepare()
        if self.current_user is None and self.request.method == "GET":
            self.redirect(url_concat(self.get_login_url(), {"next": self.request.uri}))
        elif self.current_user is None or self.current_user.name != self.authenticator.teacher:
            raise HTTPError(403, "This page is for the teacher.")

    async def is_teacher(self, password):
        """Whether this is the teacher's password."""
        accounts = self.authenticator
        return await accounts.is_right(self, accounts.get_user(accounts.teacher), accounts.teacher, password)


class AccountsHandler(TeachersPage):
    """List of accounts, to admit, withdraw and discard them, and to stop their servers."""

    async def get(self):
        """Show the page."""
        await self.show()

    async def post(self):
        """Change the chosen accounts, or show what is wrong."""
        if not await self.is_teacher(self.get_body_argument("password", strip=False)):
            await self.show("That is not your password.")
            return
        for name in self.get_body_arguments("name"):
            account = self.authenticator.get_user(name)
            if account is not None and name != self.authenticator.teacher:
                await self.change(account, self.get_body_argument("action"))
        self.db.commit()
        await self.show()

    async def change(self, account, action):
        """Do what one of the page's buttons says."""
        user = self.find_user(account.username)
        if action == "Admit":
            account.is_authorized = True
        elif action == "Withdraw":
            account.is_authorized = False
        elif action == "Discard" and not account.is_authorized:
            self.db.delete(account)
            if user is not None:
                self.users.delete(account.username)
        elif action == "Stop server" and user is not None and user.active:
            await self.stop_single_user(user)

    async def show(self, message=None):
        """Send the page, with a message."""
        page = self.render_template(
            "authorization-area.html",
            accounts=self.db.query(UserInfo).order_by(UserInfo.username).all(),
            running={user.name for user in self.users.values() if user.active},
            seats=self.active_server_limit,
            result_message=message,
        )
        self.finish(await page)


class PasswordPage(LocalBase):
    """Page that changes the password of `account()`."""

    first = None  # what to say at first
    wrong = "That is not the old password."

    async def get(self, *_):
        """Show the page."""
        await self.show(self.first, "alert-info")

    async def post(self, *_):
        """Change the password, or show what is wrong."""
        account, accounts = self.account(), self.authenticator
        old, new, again = (
            self.get_body_argument(field, strip=False)
            for field in ("old_password", "new_password", "new_password_confirmation")
        )
        if not await self.is_right(old):
            reason = self.wrong
        elif new != again:
            reason = "The new password and its confirmation differ."
        elif new == old:
            reason = "That is the old password. Choose another one."
        else:
            reason = await accounts.set_password(account, new)
        if reason:
            await self.show(reason)
        else:
            await self.changed(account, new)

    async def is_right(self, password):
        """Whether the page may change the account's password, if it is given this one as the old one."""
        account = self.account()
        return await self.authenticator.is_right(self, account, account.username, password)

    async def show(self, message, alert="alert-danger"):
        """Send the page with a message."""
        name = self.account().username
        page = self.render_template("change-password.html", user_name=name, result_message=message, alert=alert)
        self.finish(await page)


class ChangePasswordHandler(PasswordPage):
    """Page on which users change their own password."""

    get, post = authenticated(PasswordPage.get), authenticated(PasswordPage.post)

    def account(self):
        """Return the account of who is logged in."""
        return self.authenticator.get_user(self.current_user.name)

    async def changed(self, account, password):
        """Say so."""
        self.authenticator.guesses.remember(self, account.username)
        await self.show("Your password has been changed.", "alert-success")


class StudentsPasswordHandler(TeachersPage, PasswordPage):
    """Page on which the teacher gives a student another password."""

    first = "The old password is your own, the teacher's."
    wrong = "That is not your own password."

    def account(self):
        """Return the student's account; HTTPError 404 if there is none."""
        account = self.authenticator.get_user(self.path_args[0])
        if account is None:
            raise HTTPError(404)
        return account

    async def is_right(self, password):
        """Whether this is the teacher's password."""
        return await self.is_teacher(password)

    async def changed(self, account, password):
        """Say so."""
        await self.show("The password has been changed.", "alert-success")


class FirstPasswordHandler(PasswordPage):
    """Page that changes the teacher's first password and logs in with the new one."""

    first = "The old password is the one that was printed. Choose another one: it opens nothing else."

    def account(self):
        """Return the teacher's account; HTTPError 404 if its first password has been changed."""
        account = self.authenticator.new_teacher()
        if account is None:
            raise HTTPError(404, "The teacher has already chosen a password.")
        return account

    async def changed(self, account, password):
        """Log in."""
        account.is_authorized = True
        self.db.commit()
        await self.login_user({"username": account.username, "password": password})
        self.redirect(self.hub.base_url + "home")


PAGES = {
    r"/login": LoginHandler,  # JupyterHub's own: NativeAuthenticator's shows no reasons
    r"/signup": SignUpHandler,
    r"/authorize": AccountsHandler,
    r"/change-password": ChangePasswordHandler,
    r"/change-password/([^/]+)": StudentsPasswordHandler,
    r"/first-password": FirstPasswordHandler,
}
