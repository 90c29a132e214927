"""Base classes of the panels that start trainings, sweeps and benchmarks, list them and follow them."""

from pathlib import Path
from typing import Generic

from lab.runtime.job import J, JobList
from lab.widgets.controls import EVENT_LOCK, dropdown, parsed_text, set_options, show, view
from lab.widgets.panel import Panel
from lab.widgets.run_choice import left_out
from lxmls_rnn import paths
from lxmls_rnn.runs import Damaged
from lxmls_rnn.runs.folder import name_is_taken, new_folder
from lxmls_rnn.settings import Setting


class JobPanel(Panel, Generic[J]):
    """A panel that starts `jobs` and follows them; they go on when it is closed.

    A subclass calls `follow` at the end of its constructor and defines `current`, `show_job` and `refresh`.
    """

    jobs: JobList[J]
    _awaited: J | None = None  # the message line will report its end

    def root(self) -> Path:
        """Return the folder in which the jobs of this panel are saved."""
        return paths.runs()

    def current(self) -> J | None:
        """Return the job that the buttons act on, active or ended, or None."""
        raise NotImplementedError

    def show_job(self, job: J) -> None:
        """Show the progress of a job."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Reload the list of results on disk, and redraw."""
        raise NotImplementedError

    def ended(self, job: J) -> str:
        """Return a message about a job that ended without an error."""
        return ""

    def lists(self, job: J) -> bool:
        """Whether the panel's lists have a job already: if not, `refresh` adds it."""
        return True

    def follow(self) -> None:
        """Show the jobs, now and whenever they change.

        JupyterLab counts the views of the panel. Once it has had one, it draws only while it has one.
        """
        self.jobs.listeners.add(self._changed)
        with self.guard():
            self.refresh()
        self._view_count = 0
        self.observe(self._on_views_changed, "_view_count")

    def close(self) -> None:
        """Close the panel; its jobs continue."""
        self.jobs.listeners.remove(self._changed)
        super().close()

    def _on_views_changed(self, change: dict[str, bool]) -> None:
        if change["new"]:
            self.jobs.listeners.add(self._changed)
            self._changed()
        else:
            self.jobs.listeners.remove(self._changed)

    def _changed(self, job: J | None = None) -> None:
        """Show the current state of a job; called in its thread. None: of all."""
        with EVENT_LOCK, self.guard():
            if job is not None and job.path.parent != self.root():
                return
            if job is not None and job.active and self.lists(job):
                self.show_job(job)
            else:
                self.refresh()
            if (ended := self._awaited) is not None and not ended.active:
                self._awaited = None
                message = self.ended(ended)
                if ended.error is not None:
                    self.show_error(ended.error)
                elif message:
                    self.show_message(message)

    def stop(self) -> None:
        """Stop the current job."""
        if job := self.current():
            job.stop()
            self.show_job(job)


class RunsPanel(JobPanel[J]):
    """A panel of runs or sweeps, which have names and can be resumed.

    `selected` holds the name of the selected one, which Stop and Resume act on. A subclass calls `make_list` to
    make the controls, and defines `stem`, `found`, `new`, `again`, `show_job` and `show_selected`.
    """

    file = "config.json"  # of the folder of a run or sweep
    _proposed = ""
    _last_selected: str | None = None
    _stopping: J | None = None  # Resume gets the focus when it has stopped

    def make_list(self) -> None:
        """Make the controls of the list."""
        kind = self.jobs.kind
        what = f"The {kind} is saved in a folder of this name"
        self.name = parsed_text(Setting(f"{kind.title()} name", what, default="", test=self._check_name))
        self.start_button = self.button("Start", f"Train a new {kind}", self.start, "primary", "play", single=True)
        self.selected = dropdown(f"Selected {kind}", [], f"The {kind} that the buttons act on")
        tooltip = f"Stop the {kind} after the current update, and save checkpoints"
        self.stop_button = self.button("Stop", tooltip, self.stop, icon="stop")
        tooltip = f"Resume the {kind}: train what is missing"
        self.resume_button = self.button("Resume", tooltip, self.resume, icon="forward")
        self.refresh_button = self.button("Refresh", "Reload the list", self.refresh, icon="refresh")
        self.left_out = view("left-out")

    def stem(self) -> str:
        """Return the first part of a proposed name."""
        raise NotImplementedError

    def found(self) -> tuple[list[str], list[Damaged]]:
        """Return the names on disk, newest first, and what is damaged."""
        raise NotImplementedError

    def new(self, name: str) -> J:
        """Return a new job with the settings in the controls; raise the library's errors."""
        raise NotImplementedError

    def again(self, folder: Path) -> J:
        """Return a job that resumes the run or sweep in a folder."""
        raise NotImplementedError

    def on_selected(self) -> None:
        """Adapt the controls to the selected run."""

    def show_selected(self) -> None:
        """Show the selected run, if there is one."""
        raise NotImplementedError

    def folder(self) -> Path:
        """Return the folder of the selected run; ValueError if there is none."""
        if self.selected.value is None:
            raise ValueError(f"no {self.jobs.kind} yet: press Start")
        return self.root() / str(self.selected.value)

    def current(self) -> J | None:
        return None if self.selected.value is None else self.jobs.find(self.folder())

    def lists(self, job: J) -> bool:
        return job.name in self.selected.options

    def follow(self) -> None:
        self.on_input(self._show_selection, self.selected)
        active = self.jobs.active(self.root())
        with self.quietly():
            set_options(self.selected, [job.name for job in active])  # the newest active one is selected
        super().follow()
        self.propose_name()

    # buttons

    def start(self) -> None:
        """Start a new run."""
        self.begin(self.new(self.name.parsed))
        self.name.value = ""
        self.propose_name()

    def resume(self) -> None:
        """Resume the selected run."""
        self.begin(self.again(self.folder()))
        self.stop_button.focus()  # the pressed button is disabled now

    def begin(self, job: J) -> None:
        """Start and select a job."""
        self.jobs.start(job)
        self._last_selected = None
        self.refresh(job.name)

    def stop(self) -> None:
        self._stopping = self.current()
        super().stop()

    def refresh(self, name: str | None = None) -> None:
        """Reload the list, newest first; show the selected run, or the one called `name`."""
        with EVENT_LOCK, self.quietly():
            names, damaged = self.found()
            started = [job.name for job in self.jobs.active(self.root()) if job.name not in names]
            set_options(self.selected, [*started, *names], name)
            self.left_out.value = left_out(damaged)
            show(self.left_out, bool(damaged))
            self._show_selection()

    def _check_name(self, name: str) -> None:
        kind = self.jobs.kind
        try:
            new_folder(name, self.root(), f"a {kind}", f"or choose it at Selected {kind} and press Resume", self.file)
        except FileExistsError as error:
            raise ValueError(str(error)) from None

    def propose_name(self) -> None:
        """Propose an unused name, unless the user has typed one."""
        if self.name.value in ("", self._proposed):
            number = 1
            while (name := f"{self.stem()}-{number}") in self.selected.options or name_is_taken(self.root() / name):
                number += 1
            self._proposed = self.name.value = name

    # display

    def _show_selection(self) -> None:
        with self.quietly():
            if self.selected.value != self._last_selected:
                self._last_selected = self.selected.value
                self.on_selected()
            self.show_selected()

    def show_buttons(self) -> None:
        """Enable the buttons that the selected run allows."""
        job = self.current()
        active = job is not None and job.active
        self.stop_button.disabled = not active
        self.resume_button.disabled = active or self.selected.value is None
        if active:
            self._awaited = job
        elif job is not None and job is self._stopping:
            self._stopping = None
            self.resume_button.focus()
