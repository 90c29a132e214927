#!/bin/sh
# Check, before minutes of building, that a class can start here.
set -eu
# shellcheck source=docker/jupyterhub/settings.sh
. "$(dirname -- "$0")/settings.sh"

[ -s "$root/students.txt" ] || die "students.txt is missing: write the names of your students into it, one a line"
# the hub's Python reads it again, as that of this machine may be missing or too old
if python3 -c 'import sys; assert sys.version_info >= (3, 10)' 2>/dev/null; then
    PYTHONDONTWRITEBYTECODE=1 python3 "$root/docker/jupyterhub/students.py" check <"$root/students.txt"
fi
others=$(docker ps --filter network=lxmls-class --filter label=com.docker.compose.service=hub \
    --format '{{.Label "com.docker.compose.project"}}' | grep -vx "$project" || true)
[ -z "$others" ] || die "the class $others runs on this machine, and the students' volumes would be the same: one at a time"
