#!/bin/sh
# Makes, in a clean root and of the wheels in /mnt/wheels: the libraries of the package in /mnt/tree, and in /mnt/tools
# what builds our own wheel. All of it follows from the lock file.
set -eu
umask 022
cd /mnt

pip() {
    tools/bin/pip --disable-pip-version-check "$@" --quiet --no-index --find-links wheels --require-hashes
}

python3 -m venv tools
pip install --requirement tools.txt
mkdir -p tree/usr/lib
python3 -m venv --without-pip tree/usr/lib/ldirectord-py
pip --python tree/usr/lib/ldirectord-py/bin/python3 install --no-compile --root-user-action ignore --requirement carried.txt
