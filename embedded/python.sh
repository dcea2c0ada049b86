#!/bin/sh
# Run Python with the given arguments, before anything is installed: the Python that PYTHON names, or else the first of
# the usual names that starts one. (A name on the PATH may start nothing, such as a shim of pyenv for another version.)
# Anything from 3.6 on will do: embedded/install.py checks the version that Roster needs, and says what to do.

usable='import sys; sys.exit(sys.version_info < (3, 6))'

if [ -n "$PYTHON" ]; then
    "$PYTHON" -c "$usable" 2>/dev/null && exec "$PYTHON" "$@"
    printf '%s\n' "Roster needs Python 3.11 or newer, and PYTHON is $PYTHON, which is not: give the path of one." >&2
else
    for python in python3.11 python3.12 python3.13 python3; do
        "$python" -c "$usable" 2>/dev/null && exec "$python" "$@"
    done
    echo "Roster needs Python 3.11 or newer, and there is none on the PATH: install one first." >&2
fi
exit 1
