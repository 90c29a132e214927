"""Answers in words: a text field under each question, whose text is kept beside the runs and handed in with them."""

from datetime import datetime
from html import escape

import ipywidgets as widgets

from lab.exercises.json_store import JsonStore
from lab.widgets.controls import on_change, view
from lab.widgets.panel import STYLE
from lxmls_rnn import classroom
from lxmls_rnn.storage.files import in_words

_FILE = JsonStore(classroom.ANSWERS, classroom.Answer)
ELSEWHERE = "\n\n[Written in another notebook:]\n"


class Answer(widgets.VBox):
    """A text field under each question; what is written there is kept while it is written.

    What another notebook has written meanwhile under the same question is kept below it. By its question, plain text,
    the answer is found again, in another kernel or notebook too. `fields` are the text areas, in the order of the
    questions, and `message.value` is the HTML of the line that says whether the answers are kept.
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
        self._known = {question: kept[question].text if question in kept else "" for question in questions}
        self._mine = dict(self._known)  # what the field shows of it
        self._others: dict[str, list[str]] = {question: [] for question in questions}  # what it does not show
        self.fields = [self._field(question) for question in questions]
        style = widgets.HTML(f"<style>{STYLE}</style>", layout={"display": "none"})
        super().__init__([style, *self.fields, self.message])
        self.add_class("lab-panel").add_class("lab-Answer")

    def _field(self, question: str) -> widgets.Textarea:
        field = widgets.Textarea(self._known[question], description=question, placeholder="Your answer", rows=3)
        on_change(lambda: self._keep(question, field.value), field)
        return field

    def _keep(self, question: str, text: str) -> None:
        text = text.encode(errors="replace").decode()  # half of a character, as a browser may send it, is no text
        try:
            with _FILE.changing() as answers:
                there = answers[question].text if question in answers else ""
                if there != self._known[question]:
                    seen = self._mine[question].split(ELSEWHERE)
                    self._others[question] = [part for part in there.split(ELSEWHERE) if part not in seen]
                self._others[question] = [part for part in self._others[question] if part not in text]
                whole = ELSEWHERE.join(part for part in (text, *self._others[question]) if part.strip())
                answers[question] = classroom.Answer(whole, datetime.now().strftime(classroom.TIME))
                if not whole:
                    del answers[question]
            self._known[question], self._mine[question] = whole, text
        except OSError as error:
            self._complain(error)
        else:
            self._say_kept()

    def _say_kept(self) -> None:
        twice = " ".join(f"“{question}”" for question, others in self._others.items() if others)
        also = f" Another notebook has answered {twice} too: that is kept below yours. Run this cell again to see both."
        self.message.value = f'<div role="status">Kept.{escape(also) if twice else ""}</div>'

    def _complain(self, error: OSError) -> None:
        said = escape(f"Answers are not kept: {in_words(error)}")
        self.message.value = f'<div role="alert" class="lab-error">{said}</div>'
