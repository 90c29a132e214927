#!/bin/sh
# Make .venv from uv.lock, without root. PYTHON=python3.12 or PYTHON=/path/to/python selects the interpreter, PYTHON=uv
# one that uv downloads, with the headers that C code needs. WITH=torch adds PyTorch (2.5 GB, with CUDA); later runs
# keep it, WITH= removes it. PYGPU=FILE or PYGPU=FOLDER is the pygpu that `make pygpu` has built, dist/ by default; later
# runs keep that too.
# A second run changes nothing and takes about a second.
set -eu
cd "$(dirname "$0")/.."
# The newest first: its NumPy has a BLAS for current processors, and it is maintained the longest.
names="python3.14 python3.13 python3.12 python3.11 python3.10 python3"

# Whether a command is a suitable Python. It is run, because some commands on PATH (pyenv's shims) exist but fail.
fits() {
    "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 15))' 2>/dev/null
}

has_pygpu() {
    "$1" -c 'import sys, importlib.util as u; sys.exit(u.find_spec("pygpu") is None)' 2>/dev/null
}

# List every working Python on PATH with one of the given names; a broken one may precede a good one.
pythons() {
    for name in "$@"; do
        (IFS=:; for folder in $PATH; do echo "$folder/$name"; done)
    done | while read -r candidate; do
        if "$candidate" -c '' 2>/dev/null; then echo "$candidate"; fi
    done
}

# Print the first suitable Python with one of these names; prefer one that has pygpu, which no package index provides.
find_python() {
    pythons "$@" | {
        first=
        while read -r candidate; do
            fits "$candidate" || continue
            if has_pygpu "$candidate"; then
                echo "$candidate"
                return
            fi
            first=${first:-$candidate}
        done
        echo "$first"
    }
}

# Print the path of uv: the one on PATH, or that of uv.lock in .uv/. Where only pip knows how to reach a package index, pip
# installs it.
find_uv() {
    for candidate in uv "$PWD/.uv/bin/uv"; do
        if "$candidate" --version >/dev/null 2>&1; then
            echo "$candidate"
            return
        fi
    done
    # shellcheck disable=SC2086  # several names
    any=$(pythons $names | head -n 1)
    [ -n "$any" ] || stop "no uv and no Python 3 found."
    echo "No uv found: downloading it into .uv/" >&2
    if ! why=$("$any" scripts/fetch_uv.py uv.lock .uv 2>&1); then
        version=$(sed -n '/^name = "uv"$/{n;s/^version = "\(.*\)"/\1/p;q}' uv.lock)
        rm -rf .uv
        { "$any" -m venv .uv && .uv/bin/python -m pip install -q "uv==$version"; } >/dev/null 2>&1 || {
            rm -rf .uv
            stop "$why. Nor can pip of $any install uv $version."
        }
    fi
    echo "$PWD/.uv/bin/uv"
}

stop() {
    echo "setup: $1" >&2
    echo "On Debian and Ubuntu: apt-get install -y python3 python3-dev g++" >&2
    exit 1
}

python=${PYTHON:-}
# shellcheck disable=SC2086  # several names
case $python in
uv) python= ;;
*/*) ;;
*) python=$(find_python ${python:-$names}) ;;
esac
if [ "${PYTHON:-uv}" != uv ]; then
    fits "$python" || stop "PYTHON=$PYTHON is not a working Python 3.10 to 3.14."
fi
uv=$(find_uv)

if [ -z "$python" ]; then
    [ "${PYTHON:-}" = uv ] || echo "No Python 3.10 to 3.14 found: installing one with uv" >&2
    "$uv" python install -q 3.13 >&2 || stop "no Python 3.10 to 3.14 found, and uv could not install one."
    python=$("$uv" python find --managed-python 3.13)
fi

with=${WITH-}
if [ -z "${WITH+set}" ] && [ -e .venv/with ]; then read -r with <.venv/with; fi
pygpu=${PYGPU:-}
if [ -z "$pygpu" ] && [ -e .venv/pygpu ]; then read -r pygpu <.venv/pygpu; fi
case $with in
'' | torch) ;;
*)
    echo "setup: WITH=$with is unknown: expected WITH=torch, or WITH= for none." >&2
    exit 1
    ;;
esac

# Keep a suitable .venv unless another Python is requested or the Python now has pygpu.
if [ -n "${PYTHON:-}" ]; then
    same='import sys; print(sys.version, sys.base_prefix)'
    [ "$(.venv/bin/python -c "$same" 2>/dev/null)" = "$("$python" -c "$same")" ] || rm -rf .venv
fi
site=
if has_pygpu "$python"; then site=--system-site-packages; fi
if ! fits .venv/bin/python || { [ -n "$site" ] && ! grep -q 'site-packages = true' .venv/pyvenv.cfg; }; then
    rm -rf .venv
    # shellcheck disable=SC2086  # no word at all where $site is empty
    "$uv" venv -q --python "$python" $site .venv
fi
UV_PROJECT_ENVIRONMENT=.venv "$uv" sync --locked --extra theano --extra cluster --extra lab ${with:+--group "$with"} --python .venv/bin/python
echo "$with" >.venv/with
tag=$(.venv/bin/python -c 'import sys; print("cp%d%d" % sys.version_info[:2])')
for file in "$pygpu" "${pygpu:-dist}"/pygpu-*-"$tag"-*.whl "${pygpu:-dist}"/pygpu-*.tar.gz; do
    if [ -f "$file" ]; then break; fi
done
if [ -f "$file" ]; then
    "$uv" pip install -q --no-deps --python .venv/bin/python "$file" # sync has removed it: it is not in the lock
elif [ -n "$pygpu" ]; then
    echo "setup: PYGPU=$pygpu has no pygpu for this Python: it names a file of \`make pygpu\`, or their folder." >&2
    exit 1
fi
echo "$pygpu" >.venv/pygpu
.venv/bin/python -c 'from lxmls_rnn import doctor; doctor.print_missing()'
touch .venv/.ready
