#!/bin/sh
# Writes to /run/site.NAME-OF-THIS what a command of the director may do here, a word for each line.
try() {
    word=$1
    shift
    if "$@" >/dev/null 2>&1; then echo "$word"; fi
}

sudo_in_silence() {
    [ "$(sudo --non-interactive echo 1 2>&1)" = 1 ]
}

{
    try write-to-srv touch /srv/site.mark
    try read-root cat /root/.profile
    try see-processes pgrep nginx
    try write-to-etc touch /etc/site.mark
    try write-to-root touch /root/site.mark
    try see-tmp test -e /tmp/site.mark
    try signal-others kill -0 "$(pgrep dbus-daemon)"
    try set-a-sysctl sysctl --write net.ipv4.conf.all.rp_filter=0
    try load-a-module modprobe ip_vs_sed
    try sudo sudo_in_silence
} >"/run/site.new-${0##*/}"
mv "/run/site.new-${0##*/}" "/run/site.${0##*/}"
