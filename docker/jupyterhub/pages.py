"""Pages of accounts, in place of NativeAuthenticator's: they change nothing on GET, and hash passwords in a thread."""

from jupyterhub.handlers.login import LoginHandler
from jupyterhub.scopes import needs_scope
from nativeauthenticator.handlers import LocalBase
from nativeauthenticator.orm import UserInfo
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
        await self.show("The teacher has been asked to admit you. Then you can log in.", "alert-info")

    async def show(self, message=None, alert="alert-danger"):
        """Send the page, with a message."""
        page = self.render_template("signup.html", result_message=message, alert=message and alert)
        self.finish(await page)


class AdmitHandler(LocalBase):
    """Admit an account, or withdraw that."""

    @needs_scope("admin:users")
    async def post(self, name):
        """Change the account and return to the list."""
        account = self.authenticator.get_user(name)
        if account is not None:
            UserInfo.change_authorization(self.db, account.username)
        self.redirect(self.hub.base_url + "authorize")


class DiscardHandler(LocalBase):
    """Delete an account that has not been admitted."""

    @needs_scope("admin:users")
    async def post(self, name):
        """Delete the account and return to the list."""
        account = self.authenticator.get_user(name)
        if account is not None and not account.is_authorized:
            self.db.delete(account)
            self.db.commit()
            if self.find_user(account.username) is not None:
                self.users.delete(account.username)
        self.redirect(self.hub.base_url + "authorize")


class PasswordPage(LocalBase):
    """Page that changes the password of `account()`."""

    first = None  # what to say at first

    async def get(self):
        """Show the page."""
        await self.show(self.first, "alert-info")

    async def post(self):
        """Change the password, or show what is wrong."""
        account, accounts = self.account(), self.authenticator
        old, new, again = (
            self.get_body_argument(field, strip=False)
            for field in ("old_password", "new_password", "new_password_confirmation")
        )
        if not await accounts.is_right(self, account, account.username, old):
            reason = "That is not the old password."
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
    r"/authorize/([^/]*)": AdmitHandler,
    r"/discard/([^/]*)": DiscardHandler,
    r"/change-password": ChangePasswordHandler,
    r"/first-password": FirstPasswordHandler,
}
