#!/bin/sh
# Copy the work of a class's students into a new folder:
#
#     docker/jupyterhub/collect.sh handed-in      makes handed-in/NAME/notebooks, .../runs and .../results
#
# `lxmls-rnn class collect` does it, in a container without a network that may read all files and change none of the
# students' volumes: links and special files are left out, an error with one student does not stop the others, and
# handed-in/collected.txt is the report. Further options are passed to it.
set -eu
# shellcheck source=docker/jupyterhub/settings.sh
. "$(dirname -- "$0")/settings.sh"
target=${1:?usage: collect.sh FOLDER}
shift
[ ! -e "$target" ] || [ -z "$(ls -A "$target")" ] || die "$target exists already: give the name of a new folder"
options=$* name=$(basename -- "$target")
set --
for volume in $(docker volume ls --quiet --filter name=^lxmls-student-); do
    rest=${volume#lxmls-student-}
    set -- "$@" --volume "$volume:/class/${rest%-*}/${rest##*-}:ro"
done
[ $# -gt 0 ] || die "no volume of a student (docker volume ls --filter name=lxmls-student-)"

container=
# shellcheck disable=SC2329  # called by the traps
clean() {
    [ -z "$container" ] || docker rm --force "$container" >/dev/null
}
trap clean EXIT
trap 'exit 130' INT TERM HUP

# The files leave through `docker cp`, so that they belong to whoever calls this.
# shellcheck disable=SC2086  # several words
container=$(docker create --network none --user 0:0 --cap-drop ALL --cap-add DAC_READ_SEARCH "$@" --workdir /tmp \
    --entrypoint lxmls-rnn "$image" class collect /class --into "$name" $options)
status=0
docker start --attach "$container" || status=$?
mkdir -p "$target"
docker cp --quiet "$container:/tmp/$name/." "$target"
exit "$status"
