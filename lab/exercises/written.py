"""Text fields for answers to questions, saved in the folder of runs and handed in with them."""

from datetime import datetime
from html import escape

import ipywidgets as widgets

from lab.drawing.looks import ShownBox, make
from lab.exercises.progress import JsonStore
from lab.widgets.controls import on_change, view
from lab.widgets.panel import Page
from lxmls_rnn.classroom import students
from lxmls_rnn.storage.messages import in_words

_FILE = JsonStore(students.ANSWERS, students.WrittenAnswer, students.ANSWERS_FORMAT)
OTHER_NOTEBOOK = "\n\n[Written in another notebook:]\n"


class Answer(ShownBox):
    """A text field for each question, saved at every change.

    Answers are stored by the text of the question, so that other kernels and notebooks find them. If another notebook
    has changed the answer in the meantime, its text is appended. `fields` are the text areas, in the order of the
    questions; `message.value` is the HTML of the line that says whether the answers are saved.
    """

    def __init__(self, *questions: str) -> None:
        if not questions or not all(isinstance(question, str) and question.strip() for question in questions):
            raise ValueError(f'Answer takes questions as text, for example Answer("Why?"), got {questions}')
        self.message = view("message")
        stored: dict[str, students.WrittenAnswer] = {}
        try:
            stored = _FILE.read()
            _FILE.try_to_write()  # report this before the student types
        except OSError as error:
            self._show_error(error)
        self._known = {question: stored[question].text if question in stored else "" for question in questions}
        self._mine = dict(self._known)  # the text in the field
        self._others: dict[str, list[str]] = {question: [] for question in questions}  # of other notebooks
        self.fields = [self._field(question) for question in questions]
        super().__init__([Page(), *self.fields, self.message], classes=("lab-panel", "lab-Answer"))

    def _field(self, question: str) -> widgets.Textarea:
        field = make(widgets.Textarea, self._known[question], description=question, placeholder="Your answer", rows=3)
        on_change(lambda: self._keep(question, field.value), field)
        return field

    def _keep(self, question: str, text: str) -> None:
        text = text.encode(errors="replace").decode()  # a browser may send half a surrogate pair
        try:
            with _FILE.changing() as answers:
                stored = answers[question].text if question in answers else ""
                if stored != self._known[question]:
                    seen = self._mine[question].split(OTHER_NOTEBOOK)
                    self._others[question] = [part for part in stored.split(OTHER_NOTEBOOK) if part not in seen]
                self._others[question] = [part for part in self._others[question] if part not in text]
                whole = OTHER_NOTEBOOK.join(part for part in (text, *self._others[question]) if part.strip())
                answers[question] = students.WrittenAnswer(whole, datetime.now().strftime(students.TIME))
                if not whole:
                    del answers[question]
            self._known[question], self._mine[question] = whole, text
        except OSError as error:
            self._show_error(error)
        else:
            self._report_saved()

    def _report_saved(self) -> None:
        shared = " ".join(f"“{question}”" for question, others in self._others.items() if others)
        also = f" Another notebook answered {shared} too; its text is saved below yours. Run this cell again to see it."
        self.message.value = f'<div role="status">Saved.{escape(also) if shared else ""}</div>'

    def _show_error(self, error: OSError) -> None:
        text = escape(f"Answers are not saved: {in_words(error)}")
        self.message.value = f'<div role="alert" class="lab-error">{text}</div>'
