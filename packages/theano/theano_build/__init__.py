"""Build Theano 1.0.5 with this project's edits: an ordinary wheel of the same version, for Python 3.10 to 3.14.

Installers build Theano's sdist in an environment with this package (``extra-build-dependencies`` in the project's
``pyproject.toml``). A ``.pth`` file calls `edit_or_exit` whenever Python starts there. In the folder of Theano's
sources it edits them, once, before their ``setup.py`` runs, and adds the package ``theano_runtime``.
``theano/lxmls_rnn_build.txt`` in the wheel has the digest of the edits and of that package.
"""

import hashlib
import shutil
import sys
from pathlib import Path

from theano_build.edit import edited
from theano_build.edits import EDITS, FILES

STAMP = Path("theano", "lxmls_rnn_build.txt")
UNEDITED = "unedited"  # folder of the original files, because an installer may keep the sources for its next build
RUNTIME = Path(__file__).parents[1] / "theano_runtime"  # added to Theano's sources


def digest() -> str:
    """Return a digest that identifies these edits and the package that is added."""
    files = [*Path(__file__).parent.rglob("*.py"), *RUNTIME.glob("*.py")]
    names = {file.relative_to(RUNTIME.parent).as_posix(): file for file in files}
    content = b"".join(name.encode() + file.read_bytes() for name, file in sorted(names.items()))
    return hashlib.sha256(content).hexdigest()[:12]


def edit_or_exit() -> None:
    """Edit the sources in the working directory; SystemExit on any error, as a .pth file hides other exceptions."""
    try:
        edit_sources(Path())
    except Exception as error:
        sys.exit(f"Theano's sources cannot be edited: {error}")


def edit_sources(folder: Path) -> None:
    """Edit Theano's sources if they are in `folder`; ValueError if an edit does not find its text."""
    about, stamp = folder / "PKG-INFO", folder / STAMP
    if not (folder / "setup.py").exists() or not about.exists() or "\nName: Theano\n" not in about.read_text("utf-8"):
        return
    if stamp.exists() and stamp.read_text() == digest():
        return
    stamp.unlink(missing_ok=True)
    for file in [file for file in (folder / UNEDITED).rglob("*") if file.is_file()]:
        (folder / file.relative_to(folder / UNEDITED)).write_bytes(file.read_bytes())
    for name, text in texts(folder).items():
        kept = folder / UNEDITED / name
        if not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes((folder / name).read_bytes())
        (folder / name).write_text(text, "utf-8")
    for made in ("build", RUNTIME.name):  # of a build with other edits
        shutil.rmtree(folder / made, ignore_errors=True)
    shutil.copytree(RUNTIME, folder / RUNTIME.name, ignore=shutil.ignore_patterns("__pycache__"))
    stamp.write_text(digest())


def texts(folder: Path) -> dict[str, str]:
    """Return the edited files by their names in `folder`; ValueError if an edit does not find its text."""
    done = {f"theano/{name}": Path(__file__).with_name(file).read_text() for name, file in FILES.items()}
    for reason, edits in EDITS.items():
        for edit in edits:
            name = edit.file if edit.file == "versioneer.py" else f"theano/{edit.file}"
            try:
                done[name] = edited(done.get(name) or (folder / name).read_text("utf-8"), edit)
            except ValueError as error:
                raise ValueError(f"{name} is not Theano 1.0.5's: {error} (edit: {reason})") from None
    return done
