"""Widgets shared by the panels: base class, groups of controls. Their messages to the page arrive in any kernel."""

from lab.runtime import messages

messages.keep_all()
messages.allow_threads()
