#!/bin/sh
#     scripts/gpu.sh        reports whether Docker can give the lab an NVIDIA GPU, and writes to .env what `docker compose`
#                           needs for it: the runtime, and an available base image that supports the driver and the card
#     scripts/gpu.sh base   makes sure of the image that `make up` builds on or takes: one that is here, that can be
#                           pulled, or that docker/offline-base.sh makes; writes to .env which it is
#     scripts/gpu.sh hub    the same for the hub of `make class`
#
# Other lines of .env are kept, and so is a BASE_IMAGE, LAB_IMAGE or HUB_BASE that is set there or in the environment.
set -eu
cd "$(dirname "$0")/.."
env=.env
default=nvidia/cuda:13.0.3-base-ubuntu22.04 # for drivers from 580 on, and compute capability from 7.5 on
plain=debian:12                             # with CUDA=wheels for drivers from 535 on, and compute capability from 5.0 on
offline=lxmls-rnn-base:debian12
lab=lxmls-rnn-lab:${LAB_TAG:-latest}
PATH=/usr/lib/wsl/lib:$PATH # there WSL 2 has its nvidia-smi, which a login by ssh or sudo does not find
toolkit_settings=/etc/nvidia-container-runtime/config.toml

say() { printf '%s\n' "$@"; }

# write NAME VALUE: replace the line of NAME in .env, or remove it if VALUE is empty. The file is replaced atomically.
write() {
    { grep -v "^$1=" "$env" 2>/dev/null || true; if [ -n "$2" ]; then say "$1=$2"; fi; } >"$env.new"
    if [ -s "$env.new" ] || [ -e "$env" ]; then mv "$env.new" "$env"; else rm "$env.new"; fi
}

# setting NAME: print its value in the environment or else in .env.
setting() {
    printenv "$1" || sed -n "s/^$1=//p" "$env" 2>/dev/null | tail -n 1
}

# fail LINE...: end with an error message.
fail() {
    say "$@" >&2
    exit 1
}

# within SECONDS COMMAND...: end the command after that time, where there is a `timeout`; macOS has none.
within() {
    if command -v timeout >/dev/null; then timeout "$@"; else shift && "$@"; fi
}

# cards FIELDS: print nvidia-smi's fields of each card. It prints its errors there too, not all with an exit status.
cards() {
    within 30 nvidia-smi --query-gpu="$1" --format=csv,noheader 2>/dev/null
}

# is_here IMAGE
is_here() {
    docker image inspect "$1" >/dev/null 2>&1
}

# is_available IMAGE: it is here or can be pulled.
is_available() {
    is_here "$1" && return
    say "Pulling $1 ..."
    within 600 docker pull -q "$1" >/dev/null 2>&1
}

# require_programs SETTING IMAGE: fail if the image is for another processor, and nothing here runs its programs.
require_programs() {
    own=$(docker version --format '{{.Server.Arch}}') || return 0
    other=$(docker image inspect --format '{{.Architecture}}' "$2")
    [ "$other" = "$own" ] || docker run --rm --network none --entrypoint true "$2" >/dev/null 2>&1 ||
        fail "$1=$2 is for $other, and the processor here is $own: take an image for $own, or install an emulator, on" \
            "Debian and Ubuntu the package qemu-user-static; emulated, all takes ten times as long and more."
}

# is_older VERSION OTHER
is_older() {
    [ "$1" != "$2" ] && [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]
}

# Running containers can lose their GPUs: see "Failed to initialize NVML: Unknown Error" on the toolkit's page about
# troubleshooting. From 1.18 on the toolkit injects devices through CDI, which is not affected, unless its mode is legacy.
warn_about_toolkit() {
    [ "$(docker info --format '{{.CgroupDriver}}' 2>/dev/null)" = systemd ] || return 0
    toolkit=$(nvidia-ctk --version 2>/dev/null | sed -n 's/.*version v\{0,1\}\([0-9][0-9.]*\).*/\1/p' | head -n 1)
    mode=$(sed -n 's/^ *mode *= *"\(.*\)".*/\1/p' "$toolkit_settings" 2>/dev/null | head -n 1)
    if [ -n "$toolkit" ] && is_older "$toolkit" 1.18; then
        say "The NVIDIA Container Toolkit is $toolkit. Up to 1.17 a container loses its GPU when the machine runs" \
            "'systemctl daemon-reload', as updates do. Update it to 1.18 or newer. After a loss: make down, make up."
    elif [ "$mode" = legacy ]; then
        say "The mode of the NVIDIA Container Toolkit is legacy ($toolkit_settings): a container loses its GPU when the" \
            "machine runs 'systemctl daemon-reload', as updates do. 'auto' does not have this problem."
    fi
}

# try_in_container: start CUDA in a container of the base, or of the lab's image if it is here, which has a Python. A
# container can have /dev/nvidia-uvm with another number than the kernel's module; then nvidia-smi works and CUDA fails.
# WSL 2 has /dev/dxg in its place, and a Jetson /dev/nvmap.
try_in_container() {
    [ -n "$image" ] || ! is_here "$lab" || base=$lab
    fault=$(docker run --rm --runtime=nvidia --user 0 --network none --env NVIDIA_VISIBLE_DEVICES=all \
        --env NVIDIA_DRIVER_CAPABILITIES=compute,utility --entrypoint sh "$base" -c "$start_cuda" 2>&1) && return
    say "A container of $base cannot use the GPU:" "$fault"
    case $fault in
    *nvidia-uvm*)
        say "Run 'sudo modprobe nvidia-uvm' and 'sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml' on this" \
            "machine, then 'make gpu' again."
        ;;
    esac
    fail "Until then the lab uses the CPU."
}
# shellcheck disable=SC2016  # the container's shell expands it
start_cuda='
if [ ! -e /dev/dxg ] && [ ! -e /dev/nvmap ]; then
    module=$(sed -n "s/^ *\([0-9]*\) nvidia-uvm$/\1/p" /proc/devices)
    device=$(stat -c %t /dev/nvidia-uvm 2>/dev/null) || { echo "there is no /dev/nvidia-uvm in it"; exit 1; }
    [ $((0x$device)) = "$module" ] || {
        echo "its /dev/nvidia-uvm is device $((0x$device)), but the kernel module is ${module:-not loaded}"
        exit 1
    }
fi
! command -v python3 >/dev/null || python3 -c "
import ctypes, sys
status = ctypes.CDLL(\"libcuda.so.1\").cuInit(0)
sys.exit(status and f\"cuInit fails with error {status}\")"
'

# find_cards: set `found`, a line for each card, else `error`, what nvidia-smi printed instead; `driver`, its first
# number, empty on a Jetson; `capabilities`, empty if nvidia-smi is too old to know them; and `oldest`,
# the least of these, 90 for 9.0. All cards share a driver.
find_cards() {
    found='' capabilities=''
    status=0
    answer=$(cards name,driver_version) || status=$?
    if [ "$status" -eq 0 ]; then
        found=$(say "$answer" | grep -E ', *([0-9]+(\.[0-9]+)+|\[N/A\])$') || true
    fi
    error=$([ -n "$found" ] || say "$answer" | head -n 1)
    restart="Restart this machine, then: make gpu"
    [ "$status" -ne 124 ] || error="nothing in 30 s, the driver hangs. $restart"
    case $error in
    *"version mismatch"*) error="$error. The driver was updated, and the kernel has the module of the old one. $restart" ;;
    esac
    if [ -n "$found" ] && answer=$(cards compute_cap); then
        capabilities=$(say "$answer" | grep -xE '[0-9]+\.[0-9]+') || true
    fi
    driver=$(say "$found" | sed -n '1{/(nvgpu)/d; s/.*, *\([0-9]*\)\.[0-9.]*$/\1/p;}') # a Jetson's counts otherwise
    oldest=$(say "$capabilities" | tr -d . | sort -n | head -n 1)
}

# take_debian: set `base` to Debian's image, or to the one that is made from its packages.
take_debian() {
    base=$plain
    is_available "$base" && return
    base=$offline
    is_here "$base" || {
        [ "$(id -u)" -eq 0 ] && command -v debootstrap >/dev/null && docker/offline-base.sh "$base" bookworm
    } || fail "No base image can be pulled here. One can be made from Debian's packages, with root and debootstrap:" \
        "'sudo docker/offline-base.sh $base bookworm', then repeat the command."
}

# choose_base: take a base image that serves the cards that were found and is available; write it to .env.
choose_base() {
    cuda=${found:+wheels}
    if [ "${driver:-0}" -ge 580 ] && [ "${oldest:-0}" -ge 75 ] && is_available "$default"; then
        base=$default
        write BASE_IMAGE ""
        write CUDA ""
        say "The base is $base."
        return
    fi
    take_debian
    machine=$(uname -m)
    [ "$machine" = x86_64 ] || cuda=
    write BASE_IMAGE "$base"
    write CUDA "$cuda"
    if [ -n "$found" ] && [ -z "$cuda" ]; then
        say "The base is $base, for the CPU: $default supports drivers from 580 and cards from 7.5 on, and has to be" \
            "pulled, and there are no packages of CUDA for $machine. BASE_IMAGE is in $env."
    elif [ -n "$cuda" ]; then
        say "The base is $base, with CUDA from packages: $default supports drivers from 580 and cards from" \
            "7.5 on, and has to be pulled. BASE_IMAGE and CUDA are in $env."
    else
        say "The base is $base: nvidia-smi shows no GPU. BASE_IMAGE is in $env; 'make gpu' changes it for a GPU."
    fi
}

if ! runtimes=$(docker info --format '{{json .Runtimes}}' 2>&1); then
    fail "Docker does not answer:" "$runtimes"
fi
image=$(setting LAB_IMAGE)
base=$(setting BASE_IMAGE)

if [ "${1:-}" = base ]; then
    if [ -n "$image" ]; then
        is_available "$image" || fail "LAB_IMAGE=$image cannot be pulled: check its name, or remove LAB_IMAGE from $env" \
            "so that the image is built here."
        require_programs LAB_IMAGE "$image"
    elif [ -z "$base" ]; then
        find_cards
        choose_base
    elif ! is_available "$base"; then
        fail "BASE_IMAGE=$base cannot be pulled: check its name, or remove BASE_IMAGE and CUDA from $env" \
            "so that 'make up' chooses a base that is available."
    else
        require_programs BASE_IMAGE "$base"
    fi
    exit 0
fi

if [ "${1:-}" = hub ]; then
    base=$(setting HUB_BASE)
    if [ -n "$base" ]; then
        is_available "$base" || fail "HUB_BASE=$base cannot be pulled: check its name, or remove HUB_BASE from $env."
    else
        take_debian
        write HUB_BASE "${base#"$plain"}"
        [ "$base" = "$plain" ] || say "The base of the hub is $base. HUB_BASE is in $env."
    fi
    exit 0
fi

find_cards
write LAB_RUNTIME "" # until a container has used the GPU
if [ -z "$found" ]; then
    say "No NVIDIA GPU here: nvidia-smi is missing or shows none. The lab uses the CPU." ${error:+"nvidia-smi says: $error"}
    exit 0
fi
say "NVIDIA GPU, driver:" "$found"
[ -z "$capabilities" ] || say "compute capability:" "$capabilities"
[ "${driver:-535}" -ge 535 ] || fail "The driver $driver is too old for the lab's image: update it to 535 or newer." \
    "Until then the lab uses the CPU."
[ "${oldest:-50}" -ge 50 ] || fail "A card of compute capability less than 5.0 is too old for CUDA 12. The lab uses the CPU."

case $runtimes in
*'"nvidia"'*) ;;
*)
    missing="Install NVIDIA's Container Toolkit, then"
    ! command -v nvidia-ctk >/dev/null || missing="NVIDIA's Container Toolkit is here, and may offer the GPU through CDI alone. Run"
    fail "Docker has no NVIDIA runtime, with which the lab's containers get the GPU. $missing" \
        "    sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker" \
        "and run 'make gpu' again. Until then the lab uses the CPU."
    ;;
esac
warn_about_toolkit

if [ -n "$image" ]; then
    say "LAB_IMAGE=$image stays."
    is_available "$image" || fail "LAB_IMAGE=$image cannot be pulled: check its name. Until then the lab uses the CPU."
    base=$image
elif [ -z "$base" ] || { [ -z "$(setting CUDA)" ] && { [ "$base" = "$plain" ] || [ "$base" = "$offline" ]; }; }; then
    # the Debian bases have no CUDA of their own
    [ -n "$driver" ] || fail "nvidia-smi does not know the driver's version, which decides the base image. On a Jetson, set" \
        "BASE_IMAGE in $env to an image with the CUDA of its JetPack and Ubuntu 22.04 or newer, then run 'make gpu' again." \
        "Until then the lab uses the CPU."
    choose_base
    [ -n "$cuda" ] || [ "$base" = "$default" ] || fail "The lab uses the CPU."
else
    say "BASE_IMAGE=$base stays."
fi
try_in_container
write LAB_RUNTIME nvidia
say "A container can use the GPU: LAB_RUNTIME=nvidia is in $env." "Now: make up"
