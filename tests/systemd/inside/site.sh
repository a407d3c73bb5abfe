# Joins the namespaces "client" and "servers" to the director, which is their gateway; the virtual addresses are the director's.
set -e
ip netns add client
ip netns add servers
ip -batch - <<'LINES'
link add client type veth peer name eth0 netns client
link add servers type veth peer name eth0 netns servers
address add 10.9.0.1/24 dev client
address add 10.9.0.100/32 dev client
address add 10.9.0.101/32 dev client
address add 10.9.0.102/32 dev client
address add 10.9.1.1/24 dev servers
link set client up
link set servers up
LINES
ip -netns client -batch - <<'LINES'
link set lo up
link set eth0 up
address add 10.9.0.2/24 dev eth0
route add default via 10.9.0.1
LINES
ip -netns servers -batch - <<'LINES'
link set lo up
link set eth0 up
address add 10.9.1.11/24 dev eth0
address add 10.9.1.12/24 dev eth0
address add 10.9.1.13/24 dev eth0
route add default via 10.9.1.1
LINES
echo 1 >/proc/sys/net/ipv4/ip_forward
for name in all client servers; do
    echo 0 >"/proc/sys/net/ipv4/conf/$name/rp_filter"
    echo 0 >"/proc/sys/net/ipv4/conf/$name/send_redirects"
done
