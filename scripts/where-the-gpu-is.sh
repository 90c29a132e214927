#!/bin/sh
# Run a command of the lab where this checkout has the GPU, and say where that is in the first line:
#
#     scripts/where-the-gpu-is.sh lxmls-rnn bench --work step
#
# It runs in a container of the lab, started for it, if .env names the NVIDIA runtime or the running lab finds a GPU.
# Otherwise, and with HERE=yes, it runs in this checkout's .venv. In the container itself it just runs.
set -eu
cd "$(dirname "$0")/.."
[ -z "${LXMLS_IMAGE:-}" ] || exec "$@"

# finds_gpu: whether the lab of this checkout runs and finds a GPU. To Docker, checkouts in folders of the same name are
# one project.
finds_gpu() {
    lab=$(docker compose ps --quiet --status running lab 2>/dev/null) && [ -n "$lab" ] &&
        [ "$(docker inspect --format '{{index .Config.Labels "com.docker.compose.project.working_dir"}}' "$lab")" -ef . ] &&
        docker compose exec -T --env LXMLS_DEVICE=cuda lab python -m lxmls_rnn.device >/dev/null 2>&1 </dev/null
}

runtime=${LAB_RUNTIME:-$(sed -n 's/^LAB_RUNTIME=//p' .env 2>/dev/null | tail -n 1)}
if [ "${HERE:-}" != yes ] && { [ "$runtime" = nvidia ] || finds_gpu; }; then
    if ! fault=$(docker info 2>&1 >/dev/null); then
        echo "LAB_RUNTIME=nvidia: the lab has the GPU, and Docker does not answer: $fault" >&2
        echo "Start Docker, or add HERE=yes to run in this checkout's .venv." >&2
        exit 1
    fi
    echo "In a container of the lab, which has the GPU (HERE=yes: in .venv):"
    terminal=
    [ -t 0 ] && [ -t 1 ] || terminal=--no-TTY
    exec docker compose run --rm $terminal lab "$@"
fi
echo "In .venv of this checkout:"
[ -e .venv/.ready ] || "${MAKE:-make}" --no-print-directory .venv/.ready
PATH="$PWD/.venv/bin:$PATH" exec "$@"
