#!/bin/sh
# Find out whether Docker can give the lab an NVIDIA GPU, say so, and write to .env what `docker compose` needs for it.
# Other lines of .env stay as they are; a BASE_IMAGE that is there is not replaced.
set -eu
cd "$(dirname "$0")/.."
env=.env

say() { printf '%s\n' "$@"; }

# write NAME VALUE: replace the line of NAME in .env, without a value remove it. Written beside, then renamed.
write() {
    { grep -v "^$1=" "$env" 2>/dev/null || true; if [ -n "$2" ]; then say "$1=$2"; fi; } >"$env.new"
    if [ -s "$env.new" ] || [ -e "$env" ]; then mv "$env.new" "$env"; else rm "$env.new"; fi
}

# The newest CUDA that a driver serves (left: the branch that it came with), and where to stop for cards that are older
# than compute capability 7.5, which CUDA 13 has left out.
base_for() {
    driver=$1 capability=$2
    if [ "$driver" -ge 580 ] && [ "$capability" -ge 75 ]; then say ""
    elif [ "$driver" -ge 575 ]; then say nvidia/cuda:12.9.1-base-ubuntu22.04
    elif [ "$driver" -ge 570 ]; then say nvidia/cuda:12.8.1-base-ubuntu22.04
    elif [ "$driver" -ge 560 ]; then say nvidia/cuda:12.6.3-base-ubuntu22.04
    elif [ "$driver" -ge 550 ]; then say nvidia/cuda:12.4.1-base-ubuntu22.04
    elif [ "$driver" -ge 535 ]; then say nvidia/cuda:12.2.2-base-ubuntu22.04
    else say none; fi
}

if ! runtimes=$(docker info --format '{{json .Runtimes}}' 2>&1); then
    say "Docker does not answer:" "$runtimes" >&2
    exit 1
fi

query="--query-gpu=name,driver_version,compute_cap --format=csv,noheader"
# shellcheck disable=SC2086  # two options
if ! cards=$(timeout 30 nvidia-smi $query 2>/dev/null) || [ -z "$cards" ]; then
    write LAB_RUNTIME ""
    say "No NVIDIA GPU here: nvidia-smi is not there or shows none. The lab uses the CPU."
    exit 0
fi
say "NVIDIA GPU, driver, compute capability:" "$cards"

case $runtimes in
*'"nvidia"'*) ;;
*)
    write LAB_RUNTIME ""
    say "Docker has no NVIDIA runtime, so no container sees the GPU. Install NVIDIA's Container Toolkit, then" \
        "    sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker" \
        "and run 'make gpu' again. Until then the lab uses the CPU." >&2
    exit 1
    ;;
esac

# Several cards share a driver; the oldest of them decides.
driver=$(say "$cards" | sed -n '1s/.*, *\([0-9]*\)\.[0-9.]*, *[0-9.]*$/\1/p')
capability=$(say "$cards" | sed 's/.*, *\([0-9]*\)\.\([0-9]*\)$/\1\2/' | sort -n | head -1)
base=$(base_for "$driver" "$capability")
if [ "$base" = none ]; then
    write LAB_RUNTIME ""
    say "The driver $driver is too old for every image of the table in docs/image.md: update it to 535 or newer." >&2
    exit 1
fi

write LAB_RUNTIME nvidia
say "Docker has the NVIDIA runtime: LAB_RUNTIME=nvidia is in $env."
if grep -q '^BASE_IMAGE=' "$env"; then
    say "BASE_IMAGE in $env stays as it is."
elif [ -n "$base" ]; then
    write BASE_IMAGE "$base"
    say "This driver or card needs an older CUDA than the default: BASE_IMAGE=$base is in $env."
fi
say "Now: make up"
