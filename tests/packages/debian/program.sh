#!/bin/sh
# program.sh PYTHON: installs our own program of /mnt/source beside the libraries in /mnt/tree.
set -eu
umask 022
cd /mnt

pip() {
    tools/bin/pip --disable-pip-version-check "$@" --quiet --no-index --no-deps
}

environment=tree/usr/lib/ldirectord-py
pip wheel --no-build-isolation --wheel-dir own ./source
pip --python "$environment/bin/python3" install --no-compile --root-user-action ignore --find-links own ldirectord-py

# What stays: the libraries, and an interpreter that finds them.
cd "$environment"
rm -rf bin include lib64 share .gitignore
mkdir bin
ln -s "../../../bin/python$1" bin/python3
printf 'home = /usr/bin\ninclude-system-site-packages = false\n' >pyvenv.cfg
