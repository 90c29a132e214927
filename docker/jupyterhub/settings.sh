# shellcheck shell=sh disable=SC2034  # used where it is sourced
# Settings of `make class` for the commands that source this file, and how they stop.
root=$(cd -- "$(dirname -- "$0")/../.." && pwd)
project=${CLASS_PROJECT:-lxmls-class} # as the Makefile names it
if [ -z "${LAB_TAG:-}" ] && [ -f "$root/.env" ]; then
    LAB_TAG=$(sed -n 's/^LAB_TAG=//p' "$root/.env" | tail -n 1)
fi
image=lxmls-rnn-student:${LAB_TAG:-latest}

die() {
    echo "${0##*/}: $1" >&2
    exit "${2:-1}"
}
