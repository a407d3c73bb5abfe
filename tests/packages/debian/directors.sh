# What the scripts of the package share; it stands in each of them instead of a line "#DIRECTORS#".
ours=/usr/lib/ldirectord-py/bin/python3
state=/var/lib/ldirectord-py

say() {
    echo "ldirectord-py: $*"
}

# directors INTERPRETER: the directors of this host that run with it, each as a line "PID SUPERVISOR CONFIG". SUPERVISOR is
# a unit of systemd, "-" for none, or "?NAME" for what these scripts cannot steer. CONFIG is "-" where none is named.
directors() {
    for file in $(grep -ls ldirectord /proc/[0-9]*/cmdline); do
        config=$(tr '\0' '\n' 2>/dev/null <"$file" | awk -v interpreter="$1" '
            NR == 1 && $0 != interpreter && substr($0, length($0) - length(interpreter)) != "/" interpreter { exit }
            script && !/^-/ { config = command; command = $0; words++ }
            /(^|\/)ldirectord(\.perl|-py)?$/ { script = 1 }
            END { if (command ~ /^(start|restart|try-restart|run)$/ && words < 3) print words < 2 ? "-" : config }')
        pid=${file#/proc/}
        pid=${pid%/cmdline}
        if [ -n "$config" ] && [ "/proc/$pid/root" -ef / ] && how=$(supervisor "$pid"); then
            echo "$pid $how $config"
        fi
    done
}

supervisor() {
    unit=$(sed -n 's|^[^:]*:\(name=systemd\)*:.*/\([^/]*\.service\)$|\2|p' "/proc/$1/cgroup" 2>/dev/null | head -n 1)
    parent=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$1/status" 2>/dev/null) || return 1
    if [ -n "$unit" ] && [ "$(systemctl show --property=MainPID --value "$unit" 2>/dev/null)" = "$1" ]; then
        echo "$unit"
    elif [ "$unit" = pacemaker.service ]; then
        echo "?Pacemaker"
    elif [ "$(readlink "/proc/$1/ns/net")" != "$(readlink "/proc/$$/ns/net")" ]; then
        echo "?another_network_namespace"
    elif [ "$parent" = 1 ]; then
        echo "-"
    else
        echo "?$(tr ' ' _ <"/proc/$parent/comm")"
    fi 2>/dev/null
}

# Whether services may be started here: not in most chroots.
allowed() {
    status=0
    if command -v policy-rc.d >/dev/null; then policy-rc.d ldirectord restart >/dev/null 2>&1 || status=$?; fi
    [ "$status" != 101 ]
}

# call COMMAND CONFIG PROGRAM...
call() {
    verb=$1 config_file=$2
    shift 2
    [ "$config_file" = - ] || set -- "$@" "$config_file"
    "$@" "$verb" </dev/null
}

named() {
    if [ "$1" = - ]; then echo ldirectord.cf; else echo "$1"; fi
}

# remember SUPERVISOR CONFIG FILE: adds this director to a file in $state.
remember() {
    mkdir -p "$state"
    grep -qsxF -- "$1 $2" "$state/$3" || echo "$1 $2" >>"$state/$3"
}

reload_units() {
    if [ -d /run/systemd/system ]; then systemctl --system daemon-reload || true; fi
}

# While a unit has this file, systemd ends its director by SIGKILL only, so that it cannot remove its table: neither to stop
# it, nor because it is the original, which does not report to the watchdog of our unit.
hold_table() {
    if [ "$1" = - ]; then return; fi
    mkdir -p "/run/systemd/system/$1.d"
    printf '[Service]\nKillSignal=SIGKILL\nWatchdogSec=0\n' >"/run/systemd/system/$1.d/ldirectord-py.conf"
    reload_units
}

let_go() {
    if [ "$1" = - ]; then return; fi
    rm -f "/run/systemd/system/$1.d/ldirectord-py.conf"
    rmdir "/run/systemd/system/$1.d" 2>/dev/null || true
    reload_units
}

# tell_held SUPERVISOR: for the operator who ends a director by hand that hold_table was called for.
tell_held() {
    [ "$1" = - ] || say "then: rm /run/systemd/system/$1.d/ldirectord-py.conf; systemctl daemon-reload" >&2
}

lives() {
    grep -qs '^State:[[:space:]]*[^ZX]' "/proc/$1/status"
}

# end_director PID SUPERVISOR: ends a director and its children so that its table stays, and waits for its end.
end_director() {
    hold_table "$2"
    children=$(grep -lsx "PPid:[[:space:]]*$1" /proc/[0-9]*/status | tr -dc '0-9\n')
    kill -s KILL "$1" $children 2>/dev/null || true
    tries=0
    while [ "$tries" -lt 100 ] && lives "$1"; do
        sleep 0.1
        tries=$((tries + 1))
    done
    if [ "$2" != - ]; then systemctl stop "$2" || true; fi
    let_go "$2"
}

# start_director SUPERVISOR CONFIG: starts the director that is installed now.
start_director() {
    if [ "$1" = - ]; then call start "$2" /usr/sbin/ldirectord; else systemctl start "$1"; fi
}
