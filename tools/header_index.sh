#!/bin/bash
# Prints docs/headers.md: every public header with the first sentence of its comment, part by
# part as src/CMakeLists.txt has them. Fails at a header without one. tools/rules.sh compares.
cd "$(dirname "$0")/.." || exit 1

cat <<'TEXT'
# Public headers

<!-- Made by tools/header_index.sh from the headers' own first sentences; ./check compares.
     Write this file anew with: tools/header_index.sh >docs/headers.md -->

What `#include <masa/...>` offers, in the installed library too. A part uses only headers of
parts above it in this list ([architecture.md](architecture.md)).
TEXT

first_sentence() { # of the first paragraph
    awk '
        /^#/ { exit }
        { gsub(/^\/\*\*?| ?\*\/$|^ \* ?/, ""); gsub(/^ +| +$/, "") }
        $0 == "" && text != "" { exit }
        { text = text (text == "" ? "" : " ") $0 }
        END { if (match(text, /[.?]( [A-Z]|$)/)) print substr(text, 1, RSTART); else print text }
    ' "$1" | sed 's/[.:]$//'
}

sed -n 's/^add_subdirectory(\(.*\))$/\1/p' src/CMakeLists.txt | while read -r part; do
    for header in src/"$part"/include/masa/*.h; do
        [ -e "$header" ] || continue
        [ -n "$titled" ] || printf '\n## %s\n\n| header | |\n| --- | --- |\n' "$part"
        titled=yes
        sentence=$(first_sentence "$header")
        [ -n "$sentence" ] || { echo "$header begins with no comment on what it is for" >&2; exit 1; }
        printf '| [%s](../%s) | %s |\n' "${header##*/}" "$header" "${sentence//|/\\|}"
    done
    titled=
done
