"""Answers in words: a text field under each question, whose text is kept beside the runs and handed in with them."""

from datetime import datetime
from html import escape

import ipywidgets as widgets

from lab.exercises.kept import Kept
from lab.widgets.controls import on_change, view
from lab.widgets.panel import STYLE
from lxmls_rnn import classroom
from lxmls_rnn.files import in_words

_FILE = Kept(classroom.ANSWERS, classroom.Answer)


class Answer(widgets.VBox):
    """A text field under each question; what is written there is kept while it is written.

    Parameters
    ----------
    questions
        Plain text. By it the answer is found again, in another kernel or notebook too.

    Attributes
    ----------
    fields
        The text areas, in the order of the questions.
    message
        Its `value` is the HTML of the line that says whether the answers are kept.
    """

    def __init__(self, *questions: str) -> None:
        if not questions or not all(isinstance(question, str) and question.strip() for question in questions):
            raise ValueError(f'Answer takes the questions as texts, Answer("Why?") for instance, got {questions}')
        self.message = view("message")
        kept: dict[str, classroom.Answer] = {}
        try:
            kept = _FILE.read()
            _FILE.try_to_write()  # to be said before somebody writes a page
        except OSError as error:
            self._complain(error)
        self.fields = [self._field(question, kept) for question in questions]
        style = widgets.HTML(f"<style>{STYLE}</style>", layout={"display": "none"})
        super().__init__([style, *self.fields, self.message])
        self.add_class("lab-panel").add_class("lab-Answer")

    def _field(self, question: str, kept: dict[str, classroom.Answer]) -> widgets.Textarea:
        text = kept[question].text if question in kept else ""
        field = widgets.Textarea(text, description=question, placeholder="Your answer", rows=3)
        on_change(lambda: self._keep(question, field.value), field)
        return field

    def _keep(self, question: str, text: str) -> None:
        text = text.encode(errors="replace").decode()  # half of a character, as a browser may send it, is no text
        try:
            with _FILE.changing() as answers:
                answers[question] = classroom.Answer(text, datetime.now().strftime(classroom.TIME))
                if not text.strip():
                    del answers[question]
        except OSError as error:
            self._complain(error)
        else:
            self.message.value = '<div role="status">Kept.</div>'

    def _complain(self, error: OSError) -> None:
        said = escape(f"Answers are not kept: {in_words(error)}")
        self.message.value = f'<div role="alert" class="lab-error">{said}</div>'
