#!/bin/sh
# Run the command under whose name this file is called as the owner of the lab's folders, without capabilities.
#
# Docker Compose does not know who owns the checkout, so it starts every process in the container as root: the first
# one, the health check, `docker compose exec`. It also puts the folder as-owner first on PATH, where each command of
# the image is a link to this file. LAB_UID and LAB_GID override the owner.
set -eu
export PATH="${PATH#/opt/lab/docker/as-owner:}"
command=${0##*/}
[ "$(id -u)" = 0 ] || exec "$command" "$@"

notebooks=/opt/lab/lab/notebooks
uid=${LAB_UID:-$(stat -c %u $notebooks)} gid=${LAB_GID:-$(stat -c %g $notebooks)}
# These volumes belong to the user of the image, or to an earlier owner. chown changes the folder itself last.
for volume in /opt/lab/cache/gpu /opt/lab/tls; do
    [ "$(stat -c %u $volume)" = "$uid" ] || chown -R "$uid:$gid" $volume || :
done
exec setpriv --reuid "$uid" --regid "$gid" --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs \
    "$command" "$@"
