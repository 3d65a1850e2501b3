#!/bin/sh
# symbols.sh LIBRARY HEADER: the library exports what symbols.txt lists, under the version node and nothing else, and
# the header declares the same functions.
set -eu
folder=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

nm -D --defined-only "$1" | awk '$2 != "A" { print $3 }' | sort >"$work/exported"
sed 's/ since .*/@@WSRS_0/' "$folder/symbols.txt" | sort >"$work/listed"
diff "$work/listed" "$work/exported" || { echo "'<' is only in symbols.txt, '>' only in $1"; exit 1; }

sh "$folder/functions.sh" "$2" >"$work/declared"
sed 's/ since .*//' "$folder/symbols.txt" | LC_ALL=C sort | diff - "$work/declared" || { echo "'<' is only in symbols.txt, '>' only in $2"; exit 1; }

readelf -d "$1" | grep -q 'SONAME.*\[libwsrs\.so\.0\]' || { echo "the SONAME is not libwsrs.so.0"; exit 1; }
