#!/bin/sh
# environment.sh PYTHON: makes the Python environment of the package in a clean root, from the wheels in /build/wheels.
set -eu
umask 022
cd /build

pip() {
    tools/bin/pip --disable-pip-version-check "$@"
}

into_environment() {
    pip --python /usr/lib/ldirectord-py/bin/python3 install --quiet --no-index --no-compile --root-user-action ignore "$@"
}

python3 -m venv tools
pip install --quiet --no-index --find-links wheels --require-hashes --requirement tools.txt
pip wheel --quiet --no-index --no-deps --no-build-isolation --wheel-dir own /build/source
python3 -m venv --without-pip /usr/lib/ldirectord-py
into_environment --find-links wheels --require-hashes --requirement carried.txt
into_environment --find-links own --no-deps ldirectord-py

# What stays: the libraries, and an interpreter that finds them.
cd /usr/lib/ldirectord-py
rm -rf bin include lib64 share
mkdir bin
ln -s "../../../bin/python$1" bin/python3
printf 'home = /usr/bin\ninclude-system-site-packages = false\n' >pyvenv.cfg
mkdir -p /build/tree/usr/lib
mv /usr/lib/ldirectord-py /build/tree/usr/lib/
