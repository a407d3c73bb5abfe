# The last step of either kind of machine: work.sh OUT. Carries out OUT/command.
out=$1
ip link set lo up
modprobe ip_vs
sh "$out/command"
echo $? >"$out/status"
