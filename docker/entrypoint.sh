#!/bin/sh
# Start the lab, or the command that is given, with the device that LAB_DEVICE asks for.
set -eu

# A mount that cannot be written is worth a sentence now, not a traceback after an hour of training.
unwritable=
for folder in lab/notebooks data runs results; do
    [ -w "$folder" ] && continue
    owner=$(stat -c %u:%g "$folder")
    reason="user $(id -u):$(id -g) may not, it belongs to $owner; LAB_UID and LAB_GID in .env choose the user"
    if awk -v path="$PWD/$folder" '$5 == path && $6 ~ /^ro(,|$)/ { found = 1 } END { exit !found }' /proc/self/mountinfo; then
        reason="it is mounted read-only"
    fi
    echo "The folder $folder cannot be written: $reason." >&2
    [ "$folder" = data ] || unwritable=yes # of data only `fetch` needs more than to read
done

case $1 in
lab | jupyterhub-singleuser) ;;
*) exec "$@" ;;
esac

if [ "$unwritable" ]; then
    echo "Stopped: notebooks, runs and results would be lost." >&2
    exit 1
fi

# Look for the device, and prove it with a kernel. What fails only there is handed on, so that the notebooks know it too.
if ! answer=$(python -m lxmls_rnn.device); then
    echo "$answer" | head -1 >&2
    exit 1
fi
sentence=$(echo "$answer" | sed -n 1p)
LXMLS_GPU_FAULT=$(echo "$answer" | sed -n 2p)
export LXMLS_GPU_FAULT
# The notebooks' folder is the server's; runs and results belong beside it.
export LXMLS_RUNS="$PWD/runs" LXMLS_RESULTS="$PWD/results"

if [ "$1" = jupyterhub-singleuser ]; then # a hub has started this, with an address and a token of its own
    echo "$sentence"
    exec "$@" --config=docker/jupyter_server_config.py
fi

if [ -z "${LAB_TOKEN:-}" ]; then
    LAB_TOKEN=$(python -c 'import secrets; print(secrets.token_hex(24))')
fi
# The server reads it from here, so that no list of processes shows it.
export JUPYTER_TOKEN="$LAB_TOKEN"
unset LAB_TOKEN

cat <<END

  The lab is at  http://${LAB_ADDRESS:-127.0.0.1:8888}/lab/tree/00-welcome.ipynb?token=$JUPYTER_TOKEN

  $sentence

END
exec jupyter lab --config=docker/jupyter_server_config.py
