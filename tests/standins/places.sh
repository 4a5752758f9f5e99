# Sourced by the scripts beside it: where an engine of our own keeps its things.
#
# All of it is outside of the checkout, since it is large and any checkout may
# use it: programs and base images by version, the engine's data beside them.
export LC_ALL=C
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=${PAWPRINT_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/pawprint}
state=$cache/engine
socket=$state/docker.sock
netns=pawprint-engine
netns_file=/run/netns/$netns

fail() { echo "${0##*/}: $*" >&2; exit "${status:-1}"; }
# Exit code 3: it can't be run here, and nothing was found wrong.
not_run() { status=3 fail "NOT RUN: $*"; }

start_time() { # of pid $1, in clock ticks since boot; empty: there is none
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
    set -- ${stat##*) }
    [ "$1" = Z ] || echo "${20}"
}
# pid/NAME holds "PID START", so a pid that the kernel gave to somebody else
# never matches.
remember() { echo "$2 $(start_time "$2")" >"$state/pid/$1"; }
pid_of() {
    local pid started
    read -r pid started 2>/dev/null <"$state/pid/$1" || return 1
    [ -n "$started" ] && [ "$(start_time "$pid")" = "$started" ] && echo "$pid"
}
