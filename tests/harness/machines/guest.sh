# The first program in the emulated machine: guest.sh OUT TAG PLACE...
#
# virtme-ng mounts the host's root without a cache, so that every import of every Python process reads each
# file again (20 s for pytest's). The same root is mounted once more, with a cache, over the places read most.
out=$1 tag=$2 work=$(dirname "$0")/run_command.sh
shift 2
exec >"$out/output" 2>&1 </dev/null
: >"$out/booted"

mkdir -p /run/cached
if mount -t 9p -o ro,trans=virtio,version=9p2000.L,cache=loose,msize=512000 "$tag" /run/cached; then
    for place in /usr/bin /usr/sbin /usr/lib/*-linux-gnu /usr/lib/python3* /usr/share/perl* "$@"; do
        [ -d "/run/cached$place" ] && [ -d "$place" ] && mount --bind "/run/cached$place" "$place"
    done
fi
exec sh "$work" "$out"
