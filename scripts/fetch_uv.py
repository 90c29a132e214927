"""Install the uv of uv.lock as FOLDER/bin/uv; its wheel holds a single program, so neither pip nor venv is needed.

Run as: python3 fetch_uv.py LOCK FOLDER
"""

import hashlib
import io
import os
import platform
import re
import sys
import urllib.request
import zipfile

SECONDS = 60  # without an answer from the package index


def wheel(lock, system, machine):
    """Return address and sha256 of uv's wheel for a system and a processor, as `platform` names them."""
    package = lock[lock.index('\nname = "uv"\n') :].partition("[[package]]")[0]
    tag = {"Linux": f"manylinux_[^/]*{machine}", "Darwin": f"macosx_[^/]*{machine}"}.get(system)
    found = re.search(rf'url = "([^"]*/uv-[^/"]*-{tag}\.whl)", hash = "sha256:(\w+)"', package)
    if found is None:
        raise SystemExit(f"fetch_uv: uv.lock has no wheel of uv for {system} on {machine}")
    return found.groups()


def main(lock_file, folder):
    """Download, check and unpack the wheel; the program appears when it is complete."""
    with open(lock_file, encoding="utf-8") as file:
        address, expected = wheel(file.read(), platform.system(), platform.machine())
    try:
        with urllib.request.urlopen(address, timeout=SECONDS) as answer:
            content = answer.read()
    except OSError as error:
        raise SystemExit(f"fetch_uv: uv cannot be downloaded: {error}") from None
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise SystemExit(f"fetch_uv: {address} has sha256 {found}, expected {expected}")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        name = next(name for name in archive.namelist() if name.endswith("/scripts/uv"))
        program = archive.read(name)
    path = os.path.join(folder, "bin", "uv")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(f"{path}.new", "wb") as file:
        file.write(program)
    os.chmod(f"{path}.new", 0o755)
    os.replace(f"{path}.new", path)


if __name__ == "__main__":
    main(*sys.argv[1:])
