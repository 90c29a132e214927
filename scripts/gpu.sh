#!/bin/sh
# Report whether Docker can give the lab an NVIDIA GPU, and write to .env what `docker compose` needs for it: the runtime,
# and an available base image that supports the driver and the card. Other lines of .env are kept, and so is a BASE_IMAGE
# or LAB_IMAGE that is set there.
set -eu
cd "$(dirname "$0")/.."
env=.env
default=nvidia/cuda:13.0.2-base-ubuntu22.04 # for drivers from 580 on, and compute capability from 7.5 on
plain=debian:12                             # with CUDA=wheels for drivers from 535 on, and compute capability from 5.0 on
offline=lxmls-rnn-base:debian12

say() { printf '%s\n' "$@"; }

# write NAME VALUE: replace the line of NAME in .env, or remove it if VALUE is empty. The file is replaced atomically.
write() {
    { grep -v "^$1=" "$env" 2>/dev/null || true; if [ -n "$2" ]; then say "$1=$2"; fi; } >"$env.new"
    if [ -s "$env.new" ] || [ -e "$env" ]; then mv "$env.new" "$env"; else rm "$env.new"; fi
}

# stop LINE...: end without a GPU, with an error message.
stop() {
    write LAB_RUNTIME ""
    say "$@" >&2
    exit 1
}

# cards FIELDS: print nvidia-smi's fields of each card, or nothing if it fails.
cards() {
    timeout 30 nvidia-smi --query-gpu="$1" --format=csv,noheader 2>/dev/null || true
}

# is_available IMAGE: it exists here or can be pulled.
is_available() {
    docker image inspect "$1" >/dev/null 2>&1 && return
    say "Pulling $1 ..."
    timeout 600 docker pull -q "$1" >/dev/null 2>&1
}

# is_older VERSION OTHER
is_older() {
    [ "$1" != "$2" ] && [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]
}

# Running containers can lose their GPUs: see "Failed to initialize NVML: Unknown Error" on the toolkit's page about
# troubleshooting. From 1.18 on the toolkit injects devices through CDI by default, which is not affected.
warn_about_toolkit() {
    [ "$(docker info --format '{{.CgroupDriver}}' 2>/dev/null)" = systemd ] || return 0
    toolkit=$(nvidia-ctk --version 2>/dev/null | sed -n 's/.*version v\{0,1\}\([0-9][0-9.]*\).*/\1/p' | head -n 1)
    if [ -n "$toolkit" ] && is_older "$toolkit" 1.18; then
        say "The NVIDIA Container Toolkit is $toolkit. Up to 1.17 a container loses its GPU when the machine runs" \
            "'systemctl daemon-reload', as updates do. Update it to 1.18 or newer. After a loss: make down, make up."
    fi
}

if ! runtimes=$(docker info --format '{{json .Runtimes}}' 2>&1); then
    say "Docker does not answer:" "$runtimes" >&2
    exit 1
fi

# All cards share a driver. Old versions of nvidia-smi do not know the compute capability and then print nothing.
found=$(cards name,driver_version)
if [ -z "$found" ]; then
    write LAB_RUNTIME ""
    say "No NVIDIA GPU here: nvidia-smi is missing or shows none. The lab uses the CPU."
    exit 0
fi
capabilities=$(cards compute_cap)
say "NVIDIA GPU, driver:" "$found"
[ -z "$capabilities" ] || say "compute capability:" "$capabilities"
driver=$(say "$found" | sed -n '1s/.*, *\([0-9]*\)\.[0-9.]*$/\1/p')
oldest=$(say "$capabilities" | sed -n 's/^\([0-9]*\)\.\([0-9]*\)$/\1\2/p' | sort -n | head -n 1)
[ "$driver" -ge 535 ] || stop "The driver $driver is too old for the lab's image: update it to 535 or newer."
[ "${oldest:-50}" -ge 50 ] || stop "A card of compute capability less than 5.0 is too old for CUDA 12. The lab uses the CPU."

case $runtimes in
*'"nvidia"'*) ;;
*)
    stop "Docker has no NVIDIA runtime, so no container sees the GPU. Install NVIDIA's Container Toolkit, then" \
        "    sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker" \
        "and run 'make gpu' again. Until then the lab uses the CPU."
    ;;
esac
write LAB_RUNTIME nvidia
say "Docker has the NVIDIA runtime: LAB_RUNTIME=nvidia is in $env."
warn_about_toolkit

if kept=$(grep -E '^(BASE_IMAGE|LAB_IMAGE)=.' "$env"); then
    say "In $env stays: $kept"
elif [ "$driver" -ge 580 ] && [ "${oldest:-0}" -ge 75 ] && is_available "$default"; then
    write CUDA ""
    say "The base is $default."
else
    base=$plain
    is_available "$plain" || base=$offline
    write BASE_IMAGE "$base"
    write CUDA wheels
    say "The base is $base, with CUDA from packages: $default supports drivers from 580 and cards from" \
        "7.5 on, and has to be pulled. BASE_IMAGE and CUDA are in $env."
    [ "$base" != "$offline" ] || is_available "$offline" ||
        say "No base can be pulled here: on Debian or Ubuntu 'sudo docker/offline-base.sh' makes this one."
fi
say "Now: make up"
