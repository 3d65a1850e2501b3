#!/bin/sh
# run.sh BUILD: installs BUILD into temporary folders and builds a program against it through pkg-config and CMake.
set -u
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$here/program.c" "$here/CMakeLists.txt" "$work/"
cd "$work" || exit 1
passed=0 failed=0
check() {
    echo "== $1"
    shift
    if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo FAILED; fi
}

installed_under_destdir() {
    DESTDIR=$work/stage cmake --install "$build" --prefix /usr >/dev/null &&
        [ -e "$work/stage/usr/include/wsrs.h" ] && [ -z "$(find stage -path '*/tmp/*')" ] &&
        ! grep -rlF -e "$work" -e "$build" "stage/usr" --include='*.cmake' --include='*.pc'
}

installed_manual() {
    man -M stage/usr/share/man -w 3 wsrs_conn_send && man -M stage/usr/share/man -w 7 wsrs &&
        [ -e stage/usr/share/doc/wsrs/html/index.html ] && ! grep -rlF -e "$work" -e "$build" stage/usr/share
}

moved_after_install() {
    cmake --install "$build" --prefix "$work/first" >/dev/null && mv first moved && [ -e moved/include/wsrs.h ]
}

through_pkg_config() {
    libraries=$(dirname "$(find "$work/moved" -name libwsrs.a)")
    export PKG_CONFIG_PATH="$libraries/pkgconfig"
    # shellcheck disable=SC2046
    case $1 in
        shared) cc -std=c99 program.c -o pc_shared $(pkg-config --cflags --libs wsrs) && LD_LIBRARY_PATH=$libraries ./pc_shared ;;
        static) cc -std=c99 -static program.c -o pc_static $(pkg-config --static --cflags --libs wsrs) 2>/dev/null && ./pc_static ;;
    esac
}

through_cmake() {
    cmake -S . -B outside -DCMAKE_PREFIX_PATH="$work/moved" >/dev/null && cmake --build outside --target "$1" >/dev/null &&
        "outside/$1"
}

needs_only_the_c_library() {
    ! readelf -d outside/static | grep NEEDED | grep wsrs
}

# What plain cargo makes is usable where it lies.
through_cargo() {
    (cd "$here/../.." && cargo build -q --release --locked) &&
        release=${CARGO_TARGET_DIR:-$here/../../target}/release &&
        cc -std=c99 program.c -o by_cargo -I"$here/../../include" -L"$release" -lwsrs -Wl,-rpath,"$release" &&
        readelf -d by_cargo | grep -q 'NEEDED.*libwsrs\.so\.0' && ./by_cargo
}

check "install with DESTDIR, no path of the build in it" installed_under_destdir
check "the installed manual" installed_manual
check "install with a prefix, then move" moved_after_install
check "pkg-config, shared" through_pkg_config shared
check "pkg-config, static" through_pkg_config static
check "find_package, shared" through_cmake shared
check "find_package, static" through_cmake static
check "the static program does not need libwsrs.so" needs_only_the_c_library
check "cargo build --release" through_cargo
echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
