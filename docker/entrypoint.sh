#!/bin/sh
# Start the lab, or the command that is given, with the device that LAB_DEVICE asks for.
set -eu

# Apptainer keeps the folder that it was called in: good for a command, not for the server.
case $1 in
lab | jupyterhub-singleuser) cd "$(dirname "$0")/.." ;;
esac

# driver_folder: where a mount has brought the NVIDIA driver's library: a file in that folder, or the folder.
driver_folder() {
    awk '{ print $5 }' /proc/self/mountinfo | sed 's|/libcuda\.so[^/]*$||' | while read -r mounted; do
        for folder in "$mounted" "$mounted/lib64" "$mounted/lib"; do
            if [ -e "$folder/libcuda.so.1" ]; then
                echo "$folder"
                return
            fi
        done
    done
}

# The NVIDIA runtime tells the linker. Where nobody has, as with folders mounted by hand, we do.
if ! /sbin/ldconfig -p | grep -q 'libcuda\.so\.1 '; then
    folder=$(driver_folder)
    export LD_LIBRARY_PATH="$LD_LIBRARY_PATH${folder:+:$folder}"
fi

# read_only FOLDER: say what makes it so, the mount of the folder itself or the root of the container.
read_only() {
    awk -v path="$PWD/$1" '
        path == $5 || index(path, $5 == "/" ? "/" : $5 "/") == 1 { if (length($5) >= length(at)) { at = $5; how = $6 } }
        END {
            if (how !~ /^ro(,|$)/) exit 1
            print (at == path ? "it is mounted read-only" : "the root is read-only; mount a folder there")
        }' /proc/self/mountinfo
}

# What cannot be written is worth a sentence now, not a traceback after an hour of training.
unwritable=
for folder in lab/notebooks data runs results; do
    [ -w "$folder" ] || [ ! -e "$folder" ] && continue
    owner=$(stat -c %u:%g "$folder")
    reason=$(read_only "$folder") ||
        reason="user $(id -u):$(id -g) may not, it belongs to $owner; LAB_UID and LAB_GID in .env choose the user"
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
if ! { mkdir -p "$HOME" && [ -w "$HOME" ]; } 2>/dev/null; then
    echo "Stopped: the home folder $HOME cannot be written; set HOME to one that can." >&2
    exit 1
fi

# What is new among the image's notebooks; a student's own stay. The teacher's container has one for the teacher.
python docker/hand_out.py docker/notebooks lab/notebooks
[ -z "${LXMLS_CLASS:-}" ] || python docker/hand_out.py lab/teacher lab/notebooks

# Look for the device, and prove it with a kernel. What fails only there is handed on, so that the notebooks know it too.
if ! answer=$(python -m lxmls_rnn.device); then
    echo "$answer" | head -1 >&2
    exit 1
fi
sentence=$(echo "$answer" | sed -n 1p)
LXMLS_GPU_FAULT=$(echo "$answer" | sed -n 2p)
export LXMLS_GPU_FAULT
# The kernels that the models need on a GPU are compiled meanwhile, unless they are kept from an earlier start. Not our
# child, so that the first process collects it. The file lets the sentence about the device say how far it is.
if [ "${sentence#Theano uses the GPU}" != "$sentence" ]; then
    LXMLS_KERNELS=$(mktemp 2>/dev/null) || LXMLS_KERNELS=
    export LXMLS_KERNELS
    (nice python -m lxmls_rnn.theano_env.kernels &)
fi

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
