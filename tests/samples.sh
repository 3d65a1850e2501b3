#!/bin/sh
# samples.sh GUIDE INCLUDE: each C sample of the guide compiles as it stands there. One that uses the library of another
# loop is passed over where that is missing.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
awk -v work="$work" '/^```$/ { inside = 0 } inside { print >(work "/" count ".c") } /^```c$/ { inside = 1; count++ }' "$1"
status=0 compiled=0
for sample in "$work"/*.c; do
    flags=''
    case $(cat "$sample") in
        *'<uv.h>'*) flags=$(pkg-config --cflags libuv) || continue ;;
        *'<event2/'*) flags=$(pkg-config --cflags libevent_core) || continue ;;
    esac
    # shellcheck disable=SC2086
    if "${CC:-cc}" -std=c99 -D_XOPEN_SOURCE=700 -Wall -Wextra -Wpedantic -Werror -Wno-unused-function -fsyntax-only \
        -I"$2" -include stdio.h -include wsrs.h $flags "$sample"; then
        compiled=$((compiled + 1))
    else
        status=1
        cat "$sample"
    fi
done
echo "$compiled samples compiled"
[ "$compiled" -ge 4 ] || status=1
exit $status
