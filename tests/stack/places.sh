# Sourced by up and down: where a stack keeps its things.
export LC_ALL=C
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
built=$root/build/stack
dir=$root/build/run
servers=(kafka clickhouse postgres redis mail stripe)

fail() { echo "${0##*/}: $*" >&2; exit "${status:-1}"; }

. "$root/tests/kit/processes.sh"

since() { awk -v from="$1" -v to="$EPOCHREALTIME" 'BEGIN {
    printf "%.2f s", to - from }'; }

# One up or down at a time. Servers must not inherit the lock: 9>&- for them.
enter() {
    mkdir -p "$dir/pid" "$dir/log"
    dir=$(cd "$dir" && pwd)
    exec 9>"$dir/lock"
    flock -w 120 9 || fail "another up or down holds $dir/lock"
}
