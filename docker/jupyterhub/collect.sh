#!/bin/sh
# Copy the work of a class's students:
#
#     docker/jupyterhub/collect.sh handed-in      makes handed-in/NAME/notebooks, .../runs and .../results
set -eu
target=${1:?usage: collect.sh FOLDER}

for volume in $(docker volume ls --quiet --filter name=^lxmls-student-); do
    rest=${volume#lxmls-student-}
    folder=$target/${rest%-*}/${rest##*-}
    mkdir -p "$folder"
    # A volume can be read through a container that is not started.
    container=$(docker create --volume "$volume:/from:ro" "lxmls-rnn-student:${LAB_TAG:-latest}")
    docker cp --quiet "$container:/from/." "$folder"
    docker rm "$container" >/dev/null
    echo "$folder"
done
