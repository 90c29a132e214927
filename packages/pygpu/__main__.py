"""Build pygpu with libgpuarray, which no package index has: an sdist of the edited sources, and a wheel for one Python.

    python packages/pygpu SOURCE FOLDER

SOURCE is a folder with the sources of libgpuarray, or the address of a .tar.gz file followed by ``#sha256=`` and its
digest. The sdist in FOLDER contains what an installer needs to build pygpu for another Python: a compiler, and access
to a package index. The wheel is for the Python that runs this.
"""

import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from urllib.request import urlopen

HERE = Path(__file__).parent
sys.path += [str(HERE), str(HERE.parent / "theano")]

from edits import EDITS  # noqa: E402
from theano_build.edit import edited  # noqa: E402


def version() -> str:
    """Return 0.7.6 with a digest that identifies the edits; Theano ignores what follows the plus sign."""
    files = sorted([*HERE.glob("*.py"), *(HERE / "package").iterdir()])
    digest = hashlib.sha256(b"".join(file.name.encode() + file.read_bytes() for file in files)).hexdigest()
    return f"0.7.6+lxmls.x{digest[:8]}"


def unpack(source: str, scratch: Path) -> Path:
    """Copy or download the sources to `scratch` and return their folder; ValueError if they are not those expected."""
    if Path(source).is_dir():
        return Path(shutil.copytree(source, scratch / "sources", ignore=shutil.ignore_patterns(".git", "*.so", "*.o")))
    address, _, expected = source.partition("#sha256=")
    if "://" not in address:
        raise ValueError(f"{source} is neither a folder nor an address")
    if not expected:
        raise ValueError(f"expected {address}#sha256= and the digest of the file; sha256sum prints it")
    with urlopen(address) as answer:
        content = answer.read()
    found = hashlib.sha256(content).hexdigest()
    if found != expected.lower():
        raise ValueError(f"{address} has the SHA-256 digest {found}, expected {expected}")
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        # Python 3.11.2 of Debian 12 has no filters
        archive.extractall(scratch, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    return next(scratch.glob("**/pygpu/..")).resolve()


def edit_sources(folder: Path) -> None:
    """Edit the sources and add the files of the build; ValueError if an edit does not find its text."""
    for reason, edits in EDITS.items():
        for edit in edits:
            file = folder / edit.file
            try:
                file.write_text(edited(file.read_text("utf-8"), edit), "utf-8")
            except (OSError, ValueError) as error:
                raise ValueError(f"{edit.file} is not libgpuarray 0.7.6's: {error} (edit: {reason})") from None
    names = f'VERSION = "{version()}"\n\n\ndef get_versions():\n    return {{"version": VERSION}}\n'
    (folder / "pygpu" / "_version.py").write_text(names)
    shutil.copytree(HERE / "package", folder, dirs_exist_ok=True)


def main(source: str, out: str) -> None:
    """Write sdist and wheel to a folder, in which they replace earlier ones."""
    uv = shutil.which("uv", path=f"{os.environ.get('PATH', '')}:{HERE.parents[1] / '.uv' / 'bin'}")
    if uv is None:
        raise ValueError("uv not found: run `make setup` first")
    with tempfile.TemporaryDirectory() as scratch:
        folder = unpack(source, Path(scratch))
        edit_sources(folder)
        subprocess.run([uv, "build", "-q", "--python", sys.executable, "--out-dir", out, folder], check=True)
    for file in Path(out).glob("pygpu-*"):
        if version() not in file.name:
            file.unlink()


if __name__ == "__main__":
    if len(sys.argv) != 3 or not sys.argv[1]:
        sys.exit(
            "pygpu: expected SOURCE=FOLDER or SOURCE=ADDRESS#sha256=..., the sources of libgpuarray; see docs/gpu.md"
        )
    try:
        main(*sys.argv[1:])
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        sys.exit(f"pygpu: {error}")
