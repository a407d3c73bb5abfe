#!/bin/sh
# Set this machine up for the tests: setup.sh python | lab | programs | axe | peers | builders | debian | kernel. Installs only what is missing.
#
#   python    Debian's venv module, if python3 lacks it, and the names of /etc/services
#   lab       the programs of the demonstration: of hosts in network namespaces
#   programs  these, and the other programs that the service and kernel tiers start
#   axe       into .cache/axe: the rules of accessibility for the test of the page
#   peers     what the benchmarks compare with, and a compiler for keepalived's stand-in of IPVS and for the floor of checks
#   builders  what makes a clean root of Debian, and what judges a package
#   debian    what makes a disk with Debian and systemd, and into .cache/kernel: User-Mode Linux, which boots it
#   kernel    QEMU, and into .cache/kernel, unpacked and not installed: two kernels with IPVS, for virtual machines
set -eu
cd "$(dirname "$0")/../.."

LAB="nginx-light iproute2 ipvsadm nftables iptables ipset kmod"
SERVERS="$LAB slapd vsftpd jamnntpd openssl systemd procps netbase unbound kamailio freeradius postgresql pgbouncer dovecot-imapd dovecot-pop3d exim4-daemon-light squid mariadb-server groff-base ldirectord libdbd-mysql-perl libdbd-pg-perl resource-agents logrotate prometheus prometheus-node-exporter chromium fonts-dejavu-core zsh fish"
PEERS="keepalived gcc libc6-dev libssl-dev"
BUILDERS="mmdebstrap lintian piuparts"
DEBIAN="mmdebstrap e2fsprogs"
AXE="axe-playwright-python==0.1.8 --hash=sha256:fdd263c998388f1a8e67cad02677e612d946248bd44d163be5e8650ea31f95f8"
MACHINE="qemu-system-x86 busybox-static file"

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

installed() {
    [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

refresh_lists() {
    [ -z "${refreshed:-}" ] || return 0
    as_root apt-get update -qq
    refreshed=yes
}

# Debian starts a server when it installs it, unless it believes itself in runlevel 1.
install() {
    missing=
    for package in "$@"; do installed "$package" || missing="$missing $package"; done
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null || { echo "this is not Debian: install packages with the programs of$missing" >&2; exit 1; }
    echo "installing$missing"
    refresh_lists
    mkdir -p .cache
    as_root env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
        apt-get install -qq -y --no-install-recommends $missing >.cache/apt.log 2>&1 </dev/null ||
        { cat .cache/apt.log >&2; exit 1; }
}

# They are in a Python package that ships them.
fetch_axe() {
    [ ! -e .cache/axe/axe.min.js ] || return 0
    echo "downloading axe-core, the rules of accessibility for the test of the page"
    rm -rf .cache/axe
    mkdir -p .cache/axe
    python=$(command -v .venv/bin/python || echo python3)
    echo "$AXE" >.cache/axe/requirements.txt
    "$python" -m pip --disable-pip-version-check download -qq --no-deps --only-binary=:all: --require-hashes \
        -r .cache/axe/requirements.txt -d .cache/axe >.cache/axe/log 2>&1 &&
        "$python" -m zipfile -e .cache/axe/axe_playwright_python-*.whl .cache/axe/unpacked &&
        mv .cache/axe/unpacked/axe_playwright_python/axe.min.js .cache/axe/ ||
        echo "that failed, so its test will be skipped: see .cache/axe/log"
}

# As has_ipvs() of host.py.
has_ipvs() {
    [ "$(id -u)" = 0 ] || return 1
    PATH=/usr/sbin:/sbin:$PATH modprobe --quiet ip_vs 2>/dev/null || true
    [ -e /proc/net/ip_vs ] && unshare --net true 2>/dev/null
}

# Into .cache/kernel: the kernel for emulation.
fetch_kernel() {
    [ ! -e .cache/kernel/complete ] || return 0
    package=$(newest_kernel)
    [ -n "$package" ] || { refresh_lists; package=$(newest_kernel); }
    unpack "$package"
    for modules in .cache/new/lib/modules/*; do
        PATH=/usr/sbin:/sbin:$PATH depmod -b .cache/new "${modules##*/}"
    done
    touch .cache/new/complete
    rm -rf .cache/kernel
    mv .cache/new .cache/kernel
}

# Into .cache/kernel/uml: User-Mode Linux, its modules where modprobe looks for them.
fetch_uml() {
    [ "$(uname -m)" = x86_64 ] && [ ! -e .cache/kernel/uml/complete ] || return 0
    unpack user-mode-linux
    rm -rf .cache/kernel/uml
    mkdir -p .cache/kernel/uml/lib
    mv .cache/new/usr/bin/linux.uml .cache/kernel/uml/
    mv .cache/new/usr/lib/uml/modules .cache/kernel/uml/lib/
    rm -r .cache/new
    touch .cache/kernel/uml/complete
}

# Download a package and unpack it in .cache/new.
unpack() {
    echo "downloading $1"
    rm -rf .cache/new
    mkdir -p .cache/new
    (cd .cache/new && { download "$1" || { refresh_lists; download "$1"; }; })
    dpkg -x .cache/new/*.deb .cache/new
    rm .cache/new/*.deb
}

download() {
    apt-get download -qq -o APT::Sandbox::User=root "$1"
}

newest_kernel() {
    apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/.*Depends: *\(linux-image-[0-9][^ ]*\).*/\1/p' | head -1
}

case ${1:-} in
python)
    "$2" -c 'import ensurepip, venv' 2>/dev/null || install python3-venv
    [ -e /etc/services ] || install netbase
    ;;
lab) install $LAB ;;
programs) install $SERVERS ;;
axe) fetch_axe ;;
peers) install $PEERS ;;
builders) install $BUILDERS ;;
debian) install $DEBIAN; fetch_uml ;;
kernel) has_ipvs || { install $MACHINE; fetch_kernel; fetch_uml; } ;;
*) sed -n '2,11s/^# *//p' "$0" && exit 2 ;;
esac
