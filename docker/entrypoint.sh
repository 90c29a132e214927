#!/bin/sh
# Start the lab, or the given command, with the device that LAB_DEVICE requests.
set -eu

# driver_folder: print the mounted folder with the NVIDIA driver's library, or the folder of that file if it is mounted.
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

# The NVIDIA runtime updates the linker's cache. If the cache lacks the driver, as with folders mounted by hand, add it.
if ! /sbin/ldconfig -p | grep -q 'libcuda\.so\.1 '; then
    folder=$(driver_folder)
    export LD_LIBRARY_PATH="$LD_LIBRARY_PATH${folder:+:$folder}"
fi

# read_only FOLDER: print why it is read-only, its own mount or the root of the container; status 1 if it is not.
read_only() {
    awk -v path="$PWD/$1" '
        path == $5 || index(path, $5 == "/" ? "/" : $5 "/") == 1 { if (length($5) >= length(at)) { at = $5; how = $6 } }
        END {
            if (how !~ /^ro(,|$)/) exit 1
            print (at == path ? "it is mounted read-only" : "the root is read-only; mount a folder there")
        }' /proc/self/mountinfo
}

# Report unwritable folders now, not with a traceback after an hour of training.
unwritable=
for folder in work data runs results; do
    [ -w "$folder" ] || [ ! -e "$folder" ] && continue
    owner=$(stat -c %u:%g "$folder")
    reason=$(read_only "$folder") ||
        reason="user $(id -u):$(id -g) may not, it belongs to $owner; LAB_UID and LAB_GID in .env choose the user"
    echo "The folder $folder cannot be written: $reason." >&2
    [ "$folder" = data ] || unwritable=yes # only `fetch` writes to data
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

# Copy new notebooks of the image; a student's own are kept. The teacher's container gets the teacher's notebook too.
python -m lxmls_rnn.classroom.hand_out lab/notebooks work
[ -z "${LXMLS_CLASS:-}" ] || python -m lxmls_rnn.classroom.hand_out lab/teacher work

# Find the device and test it with a kernel. LXMLS_GPU_FAULT tells the notebooks an error that only this test finds.
if ! answer=$(python -m lxmls_rnn.device); then
    echo "$answer" | head -1 >&2
    exit 1
fi
sentence=$(echo "$answer" | sed -n 1p)
LXMLS_GPU_FAULT=$(echo "$answer" | sed -n 2p)
export LXMLS_GPU_FAULT
# Compile the models' GPU kernels in the background, unless they are cached. The compiling process must not be a child of
# the server, so that the container's first process reaps it. The file has the progress, for the sentence about the device.
if [ "${sentence#Theano uses the GPU}" != "$sentence" ]; then
    LXMLS_KERNELS=$(mktemp 2>/dev/null) || LXMLS_KERNELS=
    export LXMLS_KERNELS
    (nice python -m lxmls_rnn.theano_env.kernels &)
fi

if [ "$1" = jupyterhub-singleuser ]; then # started by a hub, which sets the address and the token
    echo "$sentence"
    exec "$@" --config=docker/jupyter_server_config.py
fi

if [ -z "${LAB_TOKEN:-}" ]; then
    LAB_TOKEN=$(python -c 'import secrets; print(secrets.token_hex(24))')
fi
# The server reads the token from the environment, so that no list of processes shows it.
export JUPYTER_TOKEN="$LAB_TOKEN"
unset LAB_TOKEN

cat <<END

  The lab is at  http://${LAB_ADDRESS:-127.0.0.1:8888}/lab/tree/00-welcome.ipynb?token=$JUPYTER_TOKEN

  $sentence

END
exec jupyter lab --config=docker/jupyter_server_config.py
