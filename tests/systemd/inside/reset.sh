# Ends what a test has left: directors, their files and settings, rows of the kernel's table, sick servers. On a slow host,
# the units get other times: reset.sh [START STOP WATCHDOG], in seconds. "disable" and "daemon-reload" take seconds here.
systemctl stop ldirectord.service 'ldirectord@*.service' traffic.service held.service watch.service
systemctl reset-failed
settings=$(find /etc/systemd/system -name 'ldirectord*.d' -o -path '*.wants/ldirectord*')
rm -rf $settings /etc/default/ldirectord-py /etc/ha.d/*.cf /etc/site.* /srv/*
rm -rf /var/lib/ldirectord /var/log/ldirectord* /run/ldirectord* /run/site/sick-*
if [ -n "${3:-}" ]; then
    for unit in ldirectord.service ldirectord@.service; do
        systemctl cat "$unit" 2>/dev/null | grep -q '^WatchdogSec' || continue # the original has none
        mkdir -p "/etc/systemd/system/$unit.d"
        printf '[Service]\nTimeoutStartSec=%s\nTimeoutStopSec=%s\nWatchdogSec=%s\n' "$@" >"/etc/systemd/system/$unit.d/00-slow.conf"
    done
fi
[ -z "$settings$*" ] || systemctl daemon-reload
[ ! -e /proc/net/ip_vs ] || ipvsadm --clear
date +@%s.%N
