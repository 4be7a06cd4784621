#!/bin/sh
# Runs every test. The tests use real sockets, servers and terminals, and a machine under load can starve one of them: a
# test that fails is therefore run once more, alone. It has to pass then, and it is named, so that it can be mended.
# Many failures at once are no accident, and are not tried again.
set -u
python=$1
failed=$(mktemp)
trap 'rm -f "$failed"' EXIT

"$python" -m pytest -n 2 --dist loadgroup tests --failed-to="$failed"
code=$?
count=$(grep -c . "$failed" || true)
if [ "$code" -ne 1 ] || [ "$count" -eq 0 ] || [ "$count" -gt 12 ]; then
    exit "$code"
fi
echo "failed, and run once more alone:"
sed 's/^/  /' "$failed"
"$python" -m pytest "@$failed"
