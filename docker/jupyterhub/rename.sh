#!/bin/sh
# Keep the accounts of a class that an earlier version named after COMPOSE_PROJECT_NAME: copy them into the volume that
# the class has had since, unless there is one.
#
#     rename.sh PROJECT COMPOSE...        COMPOSE... runs a container of the class, with the options that follow
set -eu
project=$1
shift
old=${COMPOSE_PROJECT_NAME:-$(sed -n 's/^COMPOSE_PROJECT_NAME=//p' .env 2>/dev/null | tail -n 1)}
exists() { docker volume inspect "$1_state" >/dev/null 2>&1; }
if [ ! "$old" ] || ! exists "$old" || exists "$project"; then
    exit
fi
label=com.docker.compose
docker ps --all --quiet --filter "label=$label.project=$old" --filter "label=$label.service=hub" | xargs -r docker rm -f
"$@" --volume "${old}_state:/old:ro" hub cp -a /old/. /srv/hub/
echo "The accounts of the class are in the volume ${project}_state now. ${old}_state is kept, and no longer used."
