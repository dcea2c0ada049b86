#!/bin/sh
# Run Python with the given arguments before anything is installed: the Python that PYTHON names, or else the first of
# the usual names that works. (A program on the PATH may not work, such as a pyenv shim for a version that is missing.)
# Python 3.6 is enough here: embedded/install.py checks for the version that Roster needs, and says what to do.

usable='import sys; sys.exit(sys.version_info < (3, 6))'

if [ -n "$PYTHON" ]; then
    "$PYTHON" -c "$usable" 2>/dev/null && exec "$PYTHON" "$@"
    printf '%s\n' "PYTHON is $PYTHON, which can't be used. Set it to the path of Python 3.11 or newer." >&2
else
    for python in python3.13 python3.12 python3.11 python3; do
        "$python" -c "$usable" 2>/dev/null && exec "$python" "$@"
    done
    echo "Roster needs Python 3.11 or newer, but there is none on the PATH. Install one first." >&2
fi
exit 1
