# Sourced by up and down: where a stack keeps its things, and which processes
# are its own.
#
# pid/NAME holds "PID START": START is the process's start time in clock ticks
# since boot, so a pid that the kernel has given to somebody else never matches.
export LC_ALL=C
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
built=$root/build/stack
dir=$root/build/run
servers=(kafka clickhouse postgres redis mail stripe)

fail() { echo "${0##*/}: $*" >&2; exit "${status:-1}"; }

start_time() { # of pid $1; empty when there is none. The name may hold blanks.
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
    set -- ${stat##*) }
    [ "$1" = Z ] || echo "${20}"
}

remember() { # server $1 is process $2
    echo "$2 $(start_time "$2")" >"$dir/pid/$1"
}

pid_of() { # prints server $1's pid, or fails when it does not run
    local pid started
    read -r pid started 2>/dev/null <"$dir/pid/$1" || return 1
    [ -n "$started" ] && [ "$(start_time "$pid")" = "$started" ] && echo "$pid"
}

since() { awk -v from="$1" -v to="$EPOCHREALTIME" 'BEGIN {
    printf "%.2f s", to - from }'; }

# One up or down at a time. Servers must not inherit the lock: 9>&- for them.
enter() {
    mkdir -p "$dir/pid" "$dir/log"
    dir=$(cd "$dir" && pwd)
    exec 9>"$dir/lock"
    flock -w 120 9 || fail "another up or down holds $dir/lock"
}
