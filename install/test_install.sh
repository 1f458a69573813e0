#!/bin/bash
# test_install.sh BUILD CC: installs a build into a folder of its own, moves that, and uses it as
# a stranger would: headers one by one, an example by pkg-config with either library, the
# program, a manual page, completion.
set -euo pipefail
build=$1 cc=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "install: $*" >&2; exit 1; }

cmake --install "$build" --prefix "$work/first" >"$work/log"
mv "$work/first" "$work/masa"
prefix=$work/masa
masa=$prefix/bin/masa
pc=$(find "$prefix" -name masa.pc)
library=$(dirname "$(dirname "$pc")")
export PKG_CONFIG_PATH=$library/pkgconfig LD_LIBRARY_PATH=$library
read -ra flags < <(pkg-config --cflags masa)
read -ra shared < <(pkg-config --libs masa)
read -ra static < <(pkg-config --static --libs masa)

# A header needs no other before it.
for header in "$prefix"/include/masa/*.h; do
    echo "#include <masa/${header##*/}>" | "$cc" -std=c11 -Wall -Werror -fsyntax-only \
        "${flags[@]}" -x c - || fail "${header##*/} does not stand alone"
done

for example in "$prefix"/share/doc/masa/examples/*.c; do
    "$cc" -std=c11 "${flags[@]}" "$example" "${shared[@]}" -o "$work/shared"
    "$work/shared"
    readelf -d "$work/shared" | grep -q 'NEEDED.*\[libmasa\.so\.[0-9.]*\]' ||
        fail "the example does not ask for the library by its version"
    "$cc" -std=c11 "${flags[@]}" "$example" "${static[@]/#-lmasa/-l:libmasa.a}" -o "$work/static"
    env -u LD_LIBRARY_PATH "$work/static"
done

# What the shared library shows is what the headers declare.
nm -D --defined-only "$library/libmasa.so" | awk '{ print $NF }' | sort >"$work/shown"
grep -oEh '\bmasa_[a-z0-9_]+' "$prefix"/include/masa/*.h | sort -u >"$work/declared"
[ "$(wc -l <"$work/shown")" -gt 100 ] || fail "libmasa.so shows next to nothing"
hidden=$(comm -23 "$work/shown" "$work/declared")
[ -z "$hidden" ] || fail "libmasa.so shows what no header declares: $hidden"

version=$(pkg-config --modversion masa)
[[ $("$masa" version) == "masa $version"* ]] || fail "masa version is not masa.pc's $version"

# A page and a branch of the completion for each command, with every option of its --help.
"$masa" --help | sed -n 's/^  \([a-z]*\) .*/\1/p' >"$work/commands"
# shellcheck source=/dev/null
source "$prefix/share/bash-completion/completions/masa"
complete_line() { # the words of a line; the last one is to be completed
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    _masa masa "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}" 2>"$work/compopt" || true
}
complete_line masa ''
while read -r command; do
    page=$prefix/share/man/man1/masa-$command.1
    [[ " ${COMPREPLY[*]} " == *" $command "* ]] || fail "completion does not know $command"
    [ -s "$page" ] || fail "no manual page of masa $command"
    grep -q "^\.BR masa.-$command " "$prefix/share/man/man1/masa.1" || fail "masa.1 lacks $command"
    (complete_line masa "$command" -- && printf '%s\n' "${COMPREPLY[@]}") >"$work/completed"
    sed 's/\\-/-/g; s/\\f.//g' "$page" >"$work/page"
    "$masa" "$command" --help | sed -n 's/^  \(-.,\|   \) \(--[a-z-]*\).*/\2/p' >"$work/options"
    grep -q . "$work/options" || fail "masa $command --help names no option"
    while read -r option; do
        grep -qx -e "$option" "$work/completed" || fail "no completion of masa $command $option"
        grep -q -e "$option" "$work/page" || fail "$page lacks $option"
    done <"$work/options"
done <"$work/commands"
complete_line masa train runs/a --set rollout.gr
[ "${COMPREPLY[*]}" = rollout.group_size= ] || fail "--set completes to: ${COMPREPLY[*]}"
complete_line masa sft -p dapo-
[ "${COMPREPLY[*]}" = dapo-masa ] || fail "-p completes to: ${COMPREPLY[*]}"

# Pages that a formatter reads without a complaint.
for page in "$prefix"/share/man/man1/*.1; do
    said=$(groff -man -ww -z -K utf8 "$page" 2>&1) || fail "$page: $said"
    [ -z "$said" ] || fail "$page: $said"
done
