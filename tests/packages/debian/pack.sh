#!/bin/sh
# pack.sh FILE: makes the package /build/FILE of /build/tree: the same bytes each time, all times SOURCE_DATE_EPOCH.
set -eu
cd /build/tree
find usr/share/man -type f -exec gzip -9n {} +
gzip -9n usr/share/doc/ldirectord-py/changelog*
find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0 md5sum >DEBIAN/md5sums
chmod 644 DEBIAN/md5sums
find . -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
dpkg-deb --root-owner-group -Zxz --build . "/build/$1" >/dev/null
