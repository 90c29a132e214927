#!/bin/sh
# Show the progress of a class's students, also while they work, and with --answers their answers:
#
#     docker/jupyterhub/show.sh --answers
set -eu
# shellcheck source=docker/jupyterhub/settings.sh
. "$(dirname -- "$0")/settings.sh"
for option; do
    case $option in
    --csv* | --html*) die "writes no file: use collect.sh, then lxmls-rnn class show handed-in $option FILE" 2 ;;
    esac
done
options=$*
set -- --rm --network none --env COLUMNS="${COLUMNS:-$(tput cols 2>/dev/null || echo 160)}"
for volume in $(docker volume ls --quiet --filter name='^lxmls-student-.*-runs$'); do
    name=${volume#lxmls-student-}
    set -- "$@" --volume "$volume:/class/${name%-runs}/runs:ro"
done
# shellcheck disable=SC2086  # several words
exec docker run "$@" --entrypoint lxmls-rnn "$image" class show /class $options
