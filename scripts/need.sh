# Sourced by the other scripts: finds the tools that they use, and installs the Debian packages of those missing.
#
#   need COMMAND PACKAGE    COMMAND must be there; PACKAGE brings it
#   need_cc                 the same for a C compiler
#   need_clang              the same at once for a clang with AddressSanitizer
#   need_loops              the same for the event loops of others that c-examples shows the library in
#   need_done               installs what was missing, or says what it is and exits with 2
#   want COMMAND PACKAGE    the same at once for something optional: fails where it can't be had
#   need_rust               cargo as new as Cargo.toml asks
#   need_nightly            a nightly Rust beside it, for what stable can't do
#   need_cargo_tool NAME    a subcommand of cargo; built from crates.io where it is missing

missing=''

need() {
    command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}

# need_cc: a C compiler that finds the C library.
need_cc() {
    need cc gcc
    echo 'int main(void) { return 0; }' | cc -x c -o /dev/null - >/dev/null 2>&1 || missing="$missing libc6-dev"
}

# need_clang: a clang that has the runtime of AddressSanitizer, which Debian keeps in a package of its own.
need_clang() {
    need clang clang
    need_done
    echo 'int main(void) { return 0; }' | clang -fsanitize=address,undefined -x c -o /dev/null - >/dev/null 2>&1 ||
        need_package "libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev"
}

# need_loops: libuv and libevent, as pkg-config knows them.
need_loops() {
    pkg-config --exists libuv 2>/dev/null || missing="$missing libuv1-dev"
    pkg-config --exists libevent_core 2>/dev/null || missing="$missing libevent-dev"
}

install_packages() {
    command -v apt-get >/dev/null 2>&1 || return 1
    if [ "$(id -u)" = 0 ]; then
        root=env
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        root='sudo env'
    else
        return 1
    fi
    mkdir -p build/logs
    echo "installing: $*"
    {
        $root DEBIAN_FRONTEND=noninteractive apt-get -q update &&
            $root DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "$@"
    } >>build/logs/packages.log 2>&1 </dev/null || {
        tail -n 5 build/logs/packages.log >&2
        return 1
    }
}

need_done() {
    [ -n "$missing" ] || return 0
    # shellcheck disable=SC2086
    if ! install_packages $missing; then
        echo "These Debian packages are missing and could not be installed from here:$missing" >&2
        echo "As root: apt-get install$missing" >&2
        exit 2
    fi
    missing=''
}

want() {
    command -v "$1" >/dev/null 2>&1 || install_packages "$2"
}

need_rust() {
    for folder in "${CARGO_HOME:-$HOME/.cargo}/bin"; do
        [ -x "$folder/cargo" ] && PATH="$folder:$PATH"
    done
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    found=$(cargo --version 2>/dev/null | cut -d' ' -f2 || true)
    newest=$(printf '%s\n%s\n' "$wanted" "${found:-0}" | sort -V | tail -n 1)
    if [ -z "$found" ] || [ "$newest" != "$found" ]; then
        echo "Rust $wanted or newer is needed, and ${found:-none} was found." >&2
        echo "Get it with rustup (https://rustup.rs): rustup toolchain install stable --profile minimal -c rustfmt -c clippy" >&2
        exit 2
    fi
}

# need_nightly: through rustup, which can get one.
need_nightly() {
    cargo +nightly --version >/dev/null 2>&1 && return 0
    mkdir -p build/logs
    echo "installing: a nightly Rust"
    rustup toolchain install nightly --profile minimal --no-self-update >>build/logs/packages.log 2>&1 || {
        tail -n 5 build/logs/packages.log >&2
        echo "A nightly Rust is needed and could not be installed from here. With rustup (https://rustup.rs):" >&2
        echo "rustup toolchain install nightly" >&2
        exit 2
    }
}

need_cargo_tool() {
    cargo "$1" --version >/dev/null 2>&1 || {
        echo "installing: cargo-$1"
        cargo install --locked "cargo-$1" >>build/logs/packages.log 2>&1 || {
            tail -n 5 build/logs/packages.log >&2
            exit 2
        }
    }
}

# need_venv: a Python with the packages that the clients of tests/interop use; its path is in $python.
need_venv() {
    python=build/venv/bin/python
    if ! "$python" -c 'import websockets.sync.client' 2>/dev/null; then
        rm -rf build/venv
        python3 -m venv build/venv >/dev/null 2>&1 || {
            need_package python3-venv
            rm -rf build/venv
            python3 -m venv build/venv
        }
        "$python" -m pip install -q --disable-pip-version-check -r tests/interop/requirements.txt
    fi
}

need_package() {
    missing="$missing $1"
    need_done
}

# need_node_modules: npm's ws in build/node.
need_node_modules() {
    [ ! -d build/node/node_modules/ws ] || return 0
    mkdir -p build/node
    cp tests/interop/package.json build/node/
    (cd build/node && npm install --silent --no-audit --no-fund --no-package-lock)
}
