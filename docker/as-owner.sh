#!/bin/sh
# Run the command under whose name this file is called as the owner of the lab's folders, without capabilities.
#
# Docker Compose does not know who owns the checkout, so it starts every process in the container as root: the first
# one, the health check, `docker compose exec`. It also puts the folder as-owner first on PATH, where the commands that
# people run are links to this file. LAB_UID and LAB_GID override the owner. The user is never root, who could leave programs
# with root's rights in the folders, unless root in here is nobody but the caller out there, as in rootless Docker.
set -eu
export PATH="${PATH#/opt/lab/docker/as-owner:}"
command=${0##*/}
[ "$(id -u)" = 0 ] || exec "$command" "$@"

work=/opt/lab/work data=/opt/lab/data
uid=${LAB_UID:-$(stat -c %u $work)} gid=${LAB_GID:-$(stat -c %g $work)}
read -r _ _ users </proc/self/uid_map # of the first range, which begins with root
if [ "$uid" = 0 ] && [ "$users" != 1 ]; then
    [ -z "${LAB_UID:-}" ] || { echo "Stopped: LAB_UID=0 is root. Set it in .env to another user." >&2; exit 1; }
    uid=1000 gid=1000
    echo "The checkout belongs to root. User 1000 runs the lab and gets work, runs and results." >&2
fi
# What root has left in the folders of work is given to the user when the container starts; chown also removes the
# set-user-ID bit. What it cannot change is shown, except in folders that are mounted read-only.
if [ $$ = 1 ]; then
    left=$(LC_ALL=C chown -R --from=0 "$uid:$gid" $work /opt/lab/runs /opt/lab/results 2>&1 |
        grep -v ': Read-only file system$' | head -n 3)
    [ -z "$left" ] || printf 'Not all that root left in the mounted folders is given to user %s:\n%s\n' "$uid" "$left" >&2
    # Root's data stay root's, as git tracks the sample: the user's group can read them, and `fetch` can add to them.
    if [ "$uid" != 0 ] && [ "$(stat -c %u $data)" = 0 ]; then
        { chgrp -R "$gid" $data && chmod -R g=rX $data && chmod g+w,+t $data; } 2>/dev/null || :
    fi
    # The user is called lab, as `whoami` says; not where the root is read-only.
    getent passwd "$uid" >/dev/null || sed -i "s/^lab:x:[0-9]*:[0-9]*:/lab:x:$uid:$gid:/" /etc/passwd 2>/dev/null || :
    getent group "$gid" >/dev/null || sed -i "s/^lab:x:[0-9]*:/lab:x:$gid:/" /etc/group 2>/dev/null || :
fi
# These volumes belong to the user of the image, or to an earlier owner. chown changes the folder itself last.
for volume in /opt/lab/cache/gpu /opt/lab/tls; do
    [ "$(stat -c %u $volume)" = "$uid" ] || chown -R "$uid:$gid" $volume || :
done
exec setpriv --reuid "$uid" --regid "$gid" --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs \
    "$command" "$@"
