#!/bin/sh
# readme.sh README INCLUDE BUILD: the C sample of the README compiles and links as it stands there.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sed -n '/^```c$/,/^```$/p' "$1" | sed '/^```/d' >"$work/sample.c"
grep -q 'int main' "$work/sample.c" || { echo "no sample in $1"; exit 1; }
"${CC:-cc}" -std=c99 -Wall -Wextra -Wpedantic -Werror -I"$2" "$work/sample.c" -o "$work/sample" -L"$3" -lwsrs -Wl,-rpath,"$3"
