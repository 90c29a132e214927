"""Verdicts and notes of the checks, as text and as HTML for a notebook."""

from dataclasses import dataclass
from html import escape

from lxmls_rnn.classroom.students import NOT_RIGHT, NOT_YET, RIGHT, STATE_SIGNS

# background and border; the text is dark in both themes
VERDICT_COLOURS = {RIGHT: ("#d9f2dd", "#1b7f3b"), NOT_YET: ("#fff0cc", "#b26a00"), NOT_RIGHT: ("#fde0dc", "#b71c1c")}

WHOLE = "\nThe whole message: "  # what follows is folded in a notebook


@dataclass(frozen=True)
class Verdict:
    """Result of a check; true if the student's code is right."""

    exercise: str  # its name
    state: str  # 'right', 'not yet' or 'not right'
    text: str  # what is right, or the first difference

    def __bool__(self) -> bool:
        return self.state == RIGHT

    def __repr__(self) -> str:
        return f"{STATE_SIGNS[self.state]} {self.exercise}: {self.state}. {self.text}"

    def _repr_html_(self) -> str:
        background, edge = VERDICT_COLOURS[self.state]
        kind = self.state.replace(" ", "-")
        style = f"background:{background};color:#111;border-left:5px solid {edge};padding:6px 12px;white-space:pre-wrap"
        text, _, message = self.text.partition(WHOLE)
        rest = f"<details><summary>The whole message</summary>{escape(message)}</details>" if message else ""
        return (
            f'<div class="lab-check lab-check-{kind}" role="status" style="{style};max-width:75em">'
            f"<b>{STATE_SIGNS[self.state]} {escape(self.exercise)}: {self.state}.</b> {escape(text)}{rest}</div>"
        )


class CheckStopped(KeyboardInterrupt):
    """The user has stopped a check; IPython shows the message without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


@dataclass(frozen=True)
class Note:
    """A text for a notebook, as HTML or plain text."""

    text: str
    html: str = ""  # by default a paragraph

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.html or f"<p>{escape(self.text)}</p>"
