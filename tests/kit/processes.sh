# Sourced: which processes are ours. $dir/pid/NAME holds "PID START": START is the
# process's start time in clock ticks since boot, so a pid that the kernel has
# given to somebody else never matches.
start_time() { # of pid $1; empty when there is none. The name may hold blanks.
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
    # shellcheck disable=SC2086 # fields are words
    set -- ${stat##*) }
    [ "$1" = Z ] || echo "${20}"
}

remember() { # what is called $1 is process $2
    echo "$2 $(start_time "$2")" >"$dir/pid/$1"
}

pid_of() { # prints the pid of $1, or fails when it does not run
    local pid started
    read -r pid started 2>/dev/null <"$dir/pid/$1" || return 1
    [ -n "$started" ] && [ "$(start_time "$pid")" = "$started" ] && echo "$pid"
}
