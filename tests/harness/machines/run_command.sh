# The last step of either kind of machine: run_command.sh OUT. Carries out OUT/command.
out=$1
ip link set lo up
modprobe ip_vs
# A machine whose beat ends has hung, however long a test may take in it.
echo 0 >"$out/beats"
while sleep 5; do echo . >>"$out/beats"; done &
sh "$out/command"
echo $? >"$out/status"
kill $!
