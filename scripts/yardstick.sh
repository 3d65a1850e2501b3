# Sourced by the scripts that measure: the load generator of the folder that WSRS_SHARED names, built in build/bench. Ends
# the script, well, where there is none. $bench is the folder; the generator is $bench/wsload, the floor $bench/limit.
shared=${WSRS_SHARED:-$PWD/../shared}
if [ ! -d "$shared/bench" ]; then
    echo "$(basename "$0"): skipped: no bench in $shared (set WSRS_SHARED)"
    exit 0
fi
need make make
need python3 python3
need openssl openssl
need_cc
need_done
bench=$PWD/build/bench
if [ ! -x "$bench/wsload" ]; then
    mkdir -p "$bench"
    cp -R "$shared/bench/." "$bench/"
    chmod -R u+w "$bench"
    make -C "$bench" wsload limit >"$bench/make.log" 2>&1 || { tail "$bench/make.log"; exit 1; }
fi
