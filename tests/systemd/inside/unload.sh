# Unloads IPVS, with all its schedulers.
schedulers=$(sed -n 's/^\(ip_vs_[a-z]*\) .*/\1/p' /proc/modules)
for module in $schedulers ip_vs; do
    modprobe --remove "$module"
done
