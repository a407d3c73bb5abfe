# The last step of either kind of machine: run_command.sh OUT. Carries out OUT/command.
out=$1
ip link set lo up
modprobe ip_vs
sh "$out/command"
echo $? >"$out/status"
