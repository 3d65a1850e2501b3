#!/bin/sh
# Tests the Python package as users get it: the wheel, in an environment of its own, outside of the tree.
#
#   sh scripts/python.sh [PYTHON]     PYTHON: an interpreter from 3.9 on; default: python3
#
# The last line is 'N passed, N failed, N skipped'.
set -eu
cd "$(dirname "$0")/.."
. scripts/need.sh
. scripts/steps.sh

base=${1:-python3}
wheel=$(sh scripts/wheel.sh)
wheel=$(echo "$wheel" | tail -n 1)
case $wheel in *.whl) ;; *) echo "$wheel"; exit 1 ;; esac
echo "$wheel"
root=$PWD
venv=$root/build/venv-wheel
rm -rf "$venv"
"$base" -m venv "$venv" >/dev/null 2>&1 || {
    need_package python3-venv
    rm -rf "$venv"
    "$base" -m venv "$venv"
}
python=$venv/bin/python
"$python" -m pip install -q --disable-pip-version-check -r python/tests/requirements.txt
"$python" -m pip install -q --disable-pip-version-check --no-index "$wheel"

# Outside of the tree nothing but the installed wheel is called wsrs.
outside=$(mktemp -d)
trap 'rm -rf "$outside"' EXIT
unset WSRS_LIBRARY PYTHONPATH
cd "$outside"
skipped=0
# The second time without the fast way of messages.
for plain in '' 1; do
    WSRS_PLAIN=$plain WSRS_TREE=$root timeout 300 \
        "$python" -X dev -W error::ResourceWarning "$root/python/tests/run.py" >tests.log 2>&1 || true
    cat tests.log
    counts=$(tail -n 1 tests.log | sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p')
    # shellcheck disable=SC2086
    set -- ${counts:-0 1 0}
    passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
done
check "mypy --strict, package" "$python" -m mypy --strict --no-incremental -p wsrs
check "mypy --strict, examples" "$python" -m mypy --strict --no-incremental "$root"/python/examples/*.py "$root/python/backend.py"
check "mypy, samples of the documents" "$python" -B "$root/tests/samples/check.py" --mypy "$root"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
