#!/bin/sh
# layout.sh PROGRAM HEADER: sizes and offsets are those of layout.txt (64-bit systems all share them), and every struct
# of the header is in it.
set -eu
folder=$(cd "$(dirname "$0")" && pwd)
[ "$(getconf LONG_BIT)" = 64 ] || exit 0
"$1" | diff "$folder/layout.txt" - || { echo "'<' is layout.txt, '>' is now"; exit 1; }
for struct in $(sed -n 's/^} *\(wsrs_[a-z_]*\);.*/\1/p' "$2"); do
    grep -q "^$struct " "$folder/layout.txt" || { echo "layout.c does not know $struct"; exit 1; }
done
