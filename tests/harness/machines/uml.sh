#!/bin/sh
# The first program in a User-Mode Linux, with MACHINE_OUT and MACHINE_MODULES from the kernel's command line.
#
# Modules are loaded from where they were unpacked: a wrapper tells the kernel's calls of modprobe, a variable
# those of everybody else.
out=$MACHINE_OUT
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH MODPROBE_OPTIONS="-d $MACHINE_MODULES"
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
for place in /run /tmp /var/tmp /var/log /dev/shm; do mount -t tmpfs tmpfs "$place"; done
ln -s /proc/self/fd /dev/fd
mkdir -p "$out"
mount -t hostfs none "$out" -o "$out"
exec >"$out/output" 2>&1 </dev/null
: >"$out/booted"

printf '#!/bin/sh\nexec /sbin/modprobe -d %s "$@"\n' "$MACHINE_MODULES" >/run/modprobe
chmod 755 /run/modprobe
echo /run/modprobe >/proc/sys/kernel/modprobe
# What the lab needs, by one process: on demand, each module would have one of its own.
modprobe -a -q bridge veth nf_tables ip_set_hash_ip xt_set iptable_filter ip6table_filter ipt_REJECT ip6t_REJECT
sh "${0%/*}/run_command.sh" "$out"
echo o >/proc/sysrq-trigger # a first program that ends is a panic
sleep infinity
