# Ends what a test has left: directors, their files and settings, rows of the kernel's table, sick servers.
systemctl disable --quiet ldirectord.service
systemctl stop ldirectord.service 'ldirectord@*.service' traffic.service held.service watch.service
systemctl reset-failed
rm -rf /etc/systemd/system/ldirectord.service.d /etc/systemd/system/ldirectord@.service.d /etc/default/ldirectord-py
rm -rf /etc/ha.d/*.cf /var/lib/ldirectord /var/log/ldirectord* /run/ldirectord* /run/site/sick-*
systemctl daemon-reload
[ ! -e /proc/net/ip_vs ] || ipvsadm --clear
date +@%s.%N
