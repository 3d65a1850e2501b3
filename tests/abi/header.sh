#!/bin/sh
# header.sh HEADER BAD_INPUT ACTIONS: the header is valid on its own as C99, C11 and C++11 without a warning; the table of
# wrong input and the actions inside callbacks cover every function, and the list of calls about refused handles every one
# that takes a handle.
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
for function in $(sh "$folder/functions.sh" "$1"); do
    for table in "$2" "$3"; do
        grep -q "\b$function(" "$table" || { echo "$table does not try $function"; status=1; }
    done
    case $function in
        wsrs_version | wsrs_version_text | wsrs_strerror | wsrs_last_error | wsrs_context_new) continue ;; # no handle
        wsrs_tls_* | wsrs_prepared_*) continue ;; # of no context, and as good in a child
        wsrs_context_free) continue ;; # its own answer
    esac
    grep -q "\b$function(" "$(dirname "$2")/every_call.h" || { echo "every_call.h does not call $function"; status=1; }
done
exit $status
