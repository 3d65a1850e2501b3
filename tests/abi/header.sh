#!/bin/sh
# header.sh HEADER TABLE...: the header is valid on its own as C99, C11 and C++11 without a warning, and each table (of wrong
# input, of what is done inside callbacks) covers every function.
set -eu
folder=$(cd "$(dirname "$0")" && pwd)
include=$(dirname "$1")
warnings='-Wall -Wextra -Wpedantic -Werror -fsyntax-only'
for standard in c99 c11; do
    # shellcheck disable=SC2086
    echo '#include <wsrs.h>' | "${CC:-cc}" -std=$standard $warnings -Wstrict-prototypes -I"$include" -x c -
done
if command -v "${CXX:-c++}" >/dev/null; then
    # shellcheck disable=SC2086
    printf '#include <wsrs.h>\nwsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;\nwsrs_limits limits = WSRS_LIMITS_INIT;\n' |
        "${CXX:-c++}" -std=c++11 $warnings -I"$include" -x c++ -
fi
status=0
functions=$(sh "$folder/functions.sh" "$1")
shift
for function in $functions; do
    for table; do
        grep -q "\b$function(" "$table" || { echo "$table does not try $function"; status=1; }
    done
done
exit $status
