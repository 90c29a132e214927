#!/bin/sh
# Build a Debian 12 base image from Debian's own packages, for machines that can install packages but cannot pull
# images:
#
#     docker/offline-base.sh            makes lxmls-rnn-base:debian12 unless it exists
#     BASE_IMAGE=lxmls-rnn-base:debian12 make up
#     docker/offline-base.sh NAME SUITE makes an image of another Debian
#     DEBIAN_MIRROR=http://archive.ubuntu.com/ubuntu DEBIAN_COMPONENTS=main,universe \
#         docker/offline-base.sh lxmls-rnn-base:ubuntu22.04 jammy
#
# Needs root and debootstrap, and takes half a minute. DEBIAN_MIRROR selects another mirror, DEBIAN_COMPONENTS other
# components than main, and DEBIAN_ARCH the packages of another processor, such as arm64, whose programs this machine must
# be able to run (Debian's qemu-user-static).
set -eu
name=${1:-lxmls-rnn-base:debian12}
suite=${2:-bookworm}
folder=

if docker image inspect "$name" >/dev/null 2>&1; then
    echo "$name exists."
    exit 0
fi
command -v debootstrap >/dev/null || { echo "offline-base: apt-get install -y debootstrap" >&2; exit 1; }
trap 'rm -rf "$folder"' EXIT
folder=$(mktemp -d)

# The official debian:12 image also starts from minbase.
debootstrap ${DEBIAN_ARCH:+"--arch=$DEBIAN_ARCH"} --variant=minbase --include=ca-certificates \
    --components="${DEBIAN_COMPONENTS:-main}" "$suite" "$folder/root" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} \
    >"$folder/log" 2>&1 || { tail -20 "$folder/log" >&2; exit 1; }
rm -rf "$folder/root/var/cache/apt/archives" "$folder/root/var/lib/apt/lists"
mkdir -p "$folder/root/var/cache/apt/archives/partial" "$folder/root/var/lib/apt/lists/partial"
tar -C "$folder/root" --numeric-owner -c . |
    docker import ${DEBIAN_ARCH:+--platform "linux/$DEBIAN_ARCH"} --change 'CMD ["bash"]' \
        --message "Debian, debootstrap $suite" - "$name" >/dev/null
echo "$name is built."
