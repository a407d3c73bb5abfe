# Mounts what the host shares, as the kernel's command line says: a directory for commands, and two that are read-only.
set -e
for word in $(cat /proc/cmdline); do
    case $word in MACHINE_*=*) export "$word" ;; esac
done

share() {
    mkdir -p "$2"
    mount -t hostfs none "$2" -o "$3$1"
}

share "$MACHINE_OUT" /run/share ''
share "$MACHINE_PROJECT" /opt/project ro,
share "$MACHINE_LIBRARIES" /opt/libraries ro,
