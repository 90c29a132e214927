#!/bin/bash
# Install locked packages into .venv, a step of the Dockerfile: install-packages.sh OPTION... [-- REQUIREMENT...]
#
# The options are those of `uv export`; the requirements are what the lock does not hold, installed without what they
# depend on. The hashes of the lock hold wherever the files come from. What the builder's machine needs to reach a package
# index is in /run/secrets.
set -euo pipefail
UV_VERSION=0.13.9

secrets=/run/secrets
if [ -s "$secrets/ca.crt" ]; then export SSL_CERT_FILE=$secrets/ca.crt PIP_CERT=$secrets/ca.crt; fi
if [ -s "$secrets/pip.conf" ]; then export PIP_CONFIG_FILE=$secrets/pip.conf; fi
if [ -s "$secrets/uv.toml" ]; then export UV_CONFIG_FILE=$secrets/uv.toml; fi
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
export TMPDIR=$work HOME=/root # where a cache is mounted during the build alone
export UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy

options=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    options+=("$1")
    shift
done
python3 -m venv "$work/uv" && "$work/uv/bin/pip" install -q "uv==$UV_VERSION"
"$work/uv/bin/uv" export -q --frozen "${options[@]}" --no-emit-project -o "$work/requirements.txt"
install=("$work/uv/bin/uv" pip install -q --python .venv/bin/python)
"${install[@]}" --require-hashes --compile-bytecode -r "$work/requirements.txt"
if [ $# -gt 1 ]; then "${install[@]}" --no-deps "${@:2}"; fi
