#!/bin/sh
# functions.sh HEADER: the functions that the header declares, sorted, one a line. Comments may name others.
set -eu
sed -e 's|//.*||' "$1" | awk '
    { line = line $0 " " }
    END {
        while ((begin = index(line, "/*")) > 0) {
            rest = substr(line, begin + 2)
            line = substr(line, 1, begin - 1) substr(rest, index(rest, "*/") + 2)
        }
        print line
    }' | grep -oE '\bwsrs_[a-z0-9_]+ *\(' | tr -d ' (' | LC_ALL=C sort -u
