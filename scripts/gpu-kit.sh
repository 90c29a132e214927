#!/usr/bin/env bash
# Run the lab's GPU tests and benchmark on a bare machine with an NVIDIA GPU, without Docker, root or network.
#
#     scripts/gpu-kit.sh pack         on Debian for x86-64 with network: make .kit/kit.tar.xz, which git ignores
#     scripts/gpu-kit.sh look         on the GPU machine: show what it has; exit status 0 if its GPU computes
#     scripts/gpu-kit.sh on COMMAND   on the GPU machine: run COMMAND in the checkout, for example `make test-gpu`
#     scripts/gpu-kit.sh report       on the GPU machine: run all tests and benchmarks, write one file (--help: options)
#
# Copy the checkout and the file to the machine. The file is a relocatable .venv: Debian 12's Python 3.11 with headers, the
# pygpu that is built for it, the locked packages, and zig, which compiles if there is no g++. The machine must have xz or a
# Python 3 to unpack the file, the driver, and NVRTC and cuBLAS from a CUDA toolkit or from PyTorch's packages. Folders in
# LD_LIBRARY_PATH are searched first; what is newer than the driver is passed over. LXMLS_DEVICE=cuda1 chooses the second GPU; CUDA_VISIBLE_DEVICES is obeyed, too.
set -euo pipefail
cd "$(dirname "$0")/.."
file=.kit/kit.tar.xz
packages=(python3.11-minimal libpython3.11-minimal libpython3.11-stdlib libpython3.11 libpython3.11-dev python3-distutils
    python3-pygpu libgpuarray3 libgpuarray-dev python3-mako python3-markupsafe)
spare=(libexpat1 libffi8 zlib1g libbz2-1.0 liblzma5) # only for machines that lack them

die() {
    echo "gpu-kit: $1" >&2
    exit 1
}

pack() {
    work=$(mktemp -d) # global, for the trap
    trap 'rm -rf "$work"' EXIT
    local uv root=$work/root/usr mirror=${DEBIAN_MIRROR:-} keyring
    uv=$(PATH=$PATH:$PWD/.uv/bin command -v uv) || die "uv not found: run make setup first"
    command -v xz >/dev/null || die "xz not found: apt-get install -y xz-utils"

    # apt with its own state needs no root and uses Debian 12's packages on any Debian.
    # shellcheck disable=SC2016  # apt-get expands it
    mirror=${mirror:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep 'debian/$' | tail -n 1)} ||
        die "apt knows no mirror of Debian: set DEBIAN_MIRROR"
    keyring=(/usr/share/keyrings/debian-archive-keyring.*)
    echo "deb [signed-by=${keyring[0]}] $mirror bookworm main" >"$work/sources.list"
    printf '%s;\n' "Dir::State \"$work\"" 'Dir::State::status "/dev/null"' "Dir::Cache \"$work\"" \
        "Dir::Etc::SourceList \"$work/sources.list\"" 'Dir::Etc::SourceParts "/dev/null"' 'APT::Sandbox::User "root"' \
        >"$work/apt.conf"
    export APT_CONFIG=$work/apt.conf
    apt-get update -qq
    unpack_debs "$work/root" "${packages[@]}"
    unpack_debs "$work/spare" "${spare[@]}"
    mkdir "$root/spare"
    find "$work/spare" -name 'lib*.so.*' -exec mv {} "$root/spare" \;

    "$uv" export -q --frozen --no-default-groups --extra theano --group dev --group zig --prune nbclient --prune fonttools --no-emit-project \
        -o "$work/requirements.txt"
    LD_LIBRARY_PATH=$root/spare "$uv" pip install -q --python "$root/bin/python3.11" --require-hashes --no-deps \
        --target "$root/local/lib/python3.11/dist-packages" -r "$work/requirements.txt"

    # Put zig where scripts/zig-g++ looks for it, without what it needs to compile for other systems.
    mkdir -p "$root/lib/python3.11/site-packages"
    mv "$root/local/lib/python3.11/dist-packages/ziglang" "$root/lib/python3.11/site-packages"
    (
        cd "$root/lib/python3.11/site-packages/ziglang/lib/libc"
        rm -r mingw musl darwin wasi freebsd netbsd openbsd
        find include -mindepth 1 -maxdepth 1 ! -name 'any-linux-any' ! -name 'generic-glibc' ! -name 'x86*-linux-*' \
            -exec rm -r {} +
    )
    # Remove documents, tests and static libraries.
    rm -r "$root"/{share,src,lib/binfmt.d,lib/python3.11/{config-*,sitecustomize.py}}
    find "$root" \( -name '*.a' -o -path '*/bin/*' ! -name python3.11 \) -delete
    find "$root" \( -path '*/theano/*' -o -path '*/ziglang/*' \) -prune -o -type d -name tests -print0 | xargs -0 rm -rf
    ln -s python3.11 "$root/bin/python"
    mkdir -p .kit
    tar -C "$root" --owner=0 --group=0 -c . | xz -T0 >"$file.part"
    mv "$file.part" "$file"
    du -h "$file"
}

unpack_debs() {
    local to=$1 deb
    shift
    mkdir "$work/debs"
    (cd "$work/debs" && apt-get download -qq "$@")
    for deb in "$work"/debs/*.deb; do dpkg-deb -x "$deb" "$to"; done
    rm -r "$work/debs"
}

# Unpack .venv from the file unless that was done before.
unpack() {
    local sum so
    [ -e "$file" ] || die "$PWD/$file not found: copy it with the checkout"
    sum=$(cksum <"$file")
    [ "$(cat .venv/kit 2>/dev/null)" != "$sum" ] || return 0
    [ ! -e .venv ] || [ -e .venv/kit ] || die ".venv is not the kit's: use a checkout without one"
    rm -rf .venv .kit/unpacked
    mkdir .kit/unpacked
    if command -v xz >/dev/null; then
        tar -xJf "$file" -C .kit/unpacked
    elif python3 -c 'import lzma' 2>/dev/null; then
        python3 -W ignore -m tarfile -e "$file" .kit/unpacked
    else
        die "unpacking $file needs xz (apt-get install -y xz-utils) or a Python 3 with lzma"
    fi || die "unpacking $file failed: is it complete, and is there room for 1.5 GB?"
    for so in .kit/unpacked/spare/*; do
        grep -q "^\s*${so##*/} " <<<"$known" || mv "$so" .kit/unpacked/lib
    done
    echo "$sum" >.kit/unpacked/kit
    mv .kit/unpacked .venv
}

# List the folders where the driver, NVRTC and cuBLAS may be, one per line, by priority.
list_folders() {
    tr : '\n' <<<"${LD_LIBRARY_PATH:-}"
    printf '%s\n' /usr/local/nvidia/lib64 /usr/lib/wsl/lib /usr/local/cuda/lib64 /usr/local/cuda-*/lib64
    python3 -c 'import glob, nvidia; print(*(f for p in nvidia.__path__ for f in glob.glob(f"{p}/*/lib")), sep="\n")' \
        2>/dev/null || true
    sed -nE 's#.*lib(cuda|nvrtc|cublas)\.so.* => (.*)/.*#\2#p' <<<"$known"
}

# Print libNAME.so.MAJOR of each folder, one per line, by priority; also libnvrtc.so.11.2, the name until CUDA 11.8.
list_libraries() {
    local folder
    for folder in "${folders[@]}"; do
        { compgen -G "$folder/lib$1.so.[0-9]*" || true; } | { grep -E '\.so\.([0-9]+|11\.2)$' || true; } | sort -rV
    done
}

# Print the first cuBLAS that is not of a newer major version than the driver, else the first.
choose_cublas() {
    local newest found list
    list=$(list_libraries cublas)
    newest=$(python -c 'from lxmls_rnn.device import libraries; print((libraries.driver_cuda_version() or [99])[0])')
    for found in $list; do
        if [ "${found##*.}" -le "$newest" ]; then echo "$found" && return; fi
    done
    head -n 1 <<<"$list"
}

# Print the NVRTC that the shim takes among those of all folders, or nothing.
choose_nvrtc() {
    local list
    list=$(list_libraries nvrtc | tr '\n' :)
    [ -z "$list" ] || LXMLS_NVRTC=$list python -c "import ctypes
name = ctypes.CDLL('libnvrtc.so').lxmls_nvrtc_name
name.restype = ctypes.c_char_p
print((name() or b'').decode())"
}

script() { printf '#!%s\n%s\n' "$PWD/.venv/bin/python" "$2" >".venv/bin/$1" && chmod +x ".venv/bin/$1"; }

# Show only the GPU that LXMLS_DEVICE=cudaN names, counted among those in CUDA_VISIBLE_DEVICES. It is `cuda` then, to
# PyTorch and JAX, too.
choose_card() {
    local number visible
    [[ ${LXMLS_DEVICE-} =~ ^cuda[0-9]+$ ]] || return 0
    number=${LXMLS_DEVICE#cuda}
    IFS=, read -ra visible <<<"${CUDA_VISIBLE_DEVICES-}"
    [ -z "${CUDA_VISIBLE_DEVICES+set}" ] || [ -n "${visible[number]-}" ] ||
        die "LXMLS_DEVICE=$LXMLS_DEVICE does not exist: CUDA_VISIBLE_DEVICES=$CUDA_VISIBLE_DEVICES shows ${#visible[@]} GPUs"
    export CUDA_VISIBLE_DEVICES=${visible[number]-$number} LXMLS_DEVICE=cuda
}

# The kit's programs run on x86-64 only, not on a GH200's or a Jetson's ARM processor.
check_processor() {
    [ "$(uname -m)" = x86_64 ] || die "the kit is for x86-64, and this machine is $(uname -m): use the Docker image there"
}

# Adapt .venv to this checkout and this machine, and set the environment of a command.
enter() {
    local lib=$PWD/.venv/lib known folders
    known=$(PATH=$PATH:/usr/sbin:/sbin ldconfig -p)
    mapfile -t folders < <(list_folders | grep .)
    unpack
    driver=$(list_libraries cuda | sed -n 1p)
    # Use the names that libgpuarray loads; as NVRTC it gets the shim.
    rm -f "$lib"/lib{cuda,cublas}.so
    [ -z "$driver" ] || ln -s "$driver" "$lib/libcuda.so"
    if cxx=$(command -v g++); then
        rm -rf .venv/zig
        gcc -shared -fPIC -O2 -o "$lib/libnvrtc.so" docker/nvrtc_shim.c -ldl
    else
        mkdir -p .venv/zig
        ln -sf ../../scripts/zig-g++ .venv/zig/g++
        cxx=.venv/zig/g++
        "$lib/python3.11/site-packages/ziglang/zig" cc -shared -fPIC -O2 -o "$lib/libnvrtc.so" docker/nvrtc_shim.c -ldl
    fi
    export LXMLS_PEER_LIBRARY_PATH=${LD_LIBRARY_PATH:-} # of PyTorch and JAX, which bring a CUDA
    export LD_LIBRARY_PATH=$lib:$lib/x86_64-linux-gnu${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}${driver:+:${driver%/*}}
    export LIBRARY_PATH=$lib:$lib/x86_64-linux-gnu CPATH=$PWD/.venv/include PATH=$PWD/.venv/bin:$PATH PYTHONNOUSERSITE=1
    unset PYTHONPATH PYTHONHOME VIRTUAL_ENV
    nvrtc=$(choose_nvrtc) cublas=$(choose_cublas)
    [ -z "$cublas" ] || ln -s "$cublas" "$lib/libcublas.so"
    # It loads libcublasLt from its own folder, to which the link does not lead.
    export LD_LIBRARY_PATH=$LD_LIBRARY_PATH${cublas:+:${cublas%/*}} LXMLS_NVRTC=$nvrtc

    local site=$lib/../local/lib/python3.11/dist-packages
    echo "$PWD" >"$site/checkout.pth"
    mkdir -p "$site/lxmls_rnn-0.dist-info"
    printf '[theano.host]\nlxmls-rnn = lxmls_rnn.theano_env.load\n' >"$site/lxmls_rnn-0.dist-info/entry_points.txt"
    script lxmls-rnn 'from lxmls_rnn.cli import app; app()'
    script pytest 'import sys, pytest; sys.exit(pytest.main())'
    if [ "$cxx" = .venv/zig/g++ ] && [ ! -e .venv/zig/warm ]; then
        echo "zig compiles its C++ library at its first use, which takes from one to several minutes ..." >&2
        local options # it makes a library for each kind of processor and optimisation: g++'s defaults, then Theano's
        options=$(python -c 'from lxmls_rnn.theano_env import flags; print(flags.settings().get("gcc.cxxflags", ""))')
        for options in "" "-shared -fPIC -O3 $options"; do
            # shellcheck disable=SC2086  # several words
            "$cxx" $options -x c++ -o .venv/zig/library - <<<'int main() {}'
        done
        mv .venv/zig/library .venv/zig/warm
    fi
    touch .venv/.ready
}

case ${1:-} in
pack)
    check_processor
    pack
    ;;
look)
    check_processor
    enter
    printf '%-8s %s\n' driver "${driver:-none}" NVRTC "${nvrtc:-none}" cuBLAS "${cublas:-none}" \
        "$([ -e .venv/zig ] && echo zig || echo g++)" "$("$cxx" -dumpfullversion), $(nproc) cores"
    timeout 60 nvidia-smi -L 2>/dev/null || echo "nvidia-smi lists no GPU"
    python -c 'from lxmls_rnn.doctor import gpu, screen; screen.show(list(gpu.findings()), [])'
    choose_card
    LXMLS_DEVICE=${LXMLS_DEVICE:-cuda} python -m lxmls_rnn.device | sed -n 1p
    ;;
on | report)
    [ "$1" = report ] && set -- "$1" python scripts/gpu_report.py "${@:2}"
    shift
    check_processor
    enter
    choose_card
    exec "$@"
    ;;
*)
    sed -n '2,/^set /s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac
