#!/bin/sh
# Measures our echo server beside the floor and other libraries' servers. docs/benchmarks.md says how to read it.
#
#   sh scripts/bench.sh                 all cells and servers; --rounds N, --seconds S, --only TEXT, --peers NAMES|none
#   sh scripts/bench.sh --python        servers in Python
#   sh scripts/bench.sh --scale         over connections, sizes and memory: docs/scale.csv and docs/scale.svg
#   sh scripts/bench.sh --syscalls      system calls per message, by strace
#   sh scripts/bench.sh --threads       c-examples/threads_server with one thread and with two
#   sh scripts/bench.sh --compare       our load generator beside the one in the folder WSRS_SHARED
#   sh scripts/bench.sh --tls           the cells of wss://, alone or with --python, --syscalls or --compare
#   sh scripts/bench.sh --deflate       the cells of permessage-deflate and its levels, alone or with --compare
#   sh scripts/bench.sh --sizes         how large the library is, with each TLS that it can be built on
#   sh scripts/bench.sh --smoke         ten seconds: does all this work?
#
# WSRS_BUILD=FOLDER and WSRS_TLS=ring measure another build (scripts/build.sh).
#
# Gets the packages that it needs when it can; what can't be had is left out, and said so. All is built in build/bench.
set -eu
cd "$(dirname "$0")/.."
. scripts/need.sh
mkdir -p build/logs

# headers NAME...: the compiler finds them.
headers() {
    printf '#include <%s>\n' "$@" | cc -E -x c - >/dev/null 2>&1
}

case " $* " in *' --sizes '*) exec sh scripts/variants.sh --sizes ;; esac
need_cc
need python3 python3
need_rust
peers=all syscalls='' compare=''
case " $* " in *' --smoke '* | *' --scale '* | *' --threads '* | *' --peers none '*) peers=none ;; esac
case " $* " in *' --syscalls '*) peers=none syscalls=1 ;; esac
case " $* " in *' --compare '*) peers=none compare=1 ;; esac
case " $* " in *' --python '*) peers=python ;; esac
[ -z "$syscalls" ] || need strace strace
[ -z "$compare" ] || need make make
[ -z "$compare" ] || headers openssl/ssl.h zlib.h || missing="$missing libssl-dev zlib1g-dev"
[ $peers = none ] || python3 -c 'import ensurepip' 2>/dev/null || missing="$missing python3-venv"
need_done
case " $* " in *' --deflate '*)
    headers zlib.h || install_packages zlib1g-dev || true
    want c++ g++ || true
    ;;
esac
if [ $peers = all ]; then
    want node nodejs || true
    want npm npm || true
    want c++ g++ || true
    headers libwebsockets.h || install_packages libwebsockets-dev || true
    case " $* " in *' --tls '*) headers openssl/ssl.h || install_packages libssl-dev || true ;; esac
fi

sh scripts/build.sh >build/logs/bench-build.log 2>&1 || {
    tail -n 20 build/logs/bench-build.log >&2
    exit 1
}
exec python3 benches/bench.py "$@"
