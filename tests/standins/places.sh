# Sourced by the scripts beside it: where an engine of our own keeps its things.
#
# All of it is outside of the checkout, since it is large and any checkout may
# use it: programs and base images by version, the engine's data beside them.
export LC_ALL=C
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=${PAWPRINT_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/pawprint}
state=$cache/engine
dir=$state # of processes.sh
socket=$state/docker.sock
netns=pawprint-engine
netns_file=/run/netns/$netns

fail() { echo "${0##*/}: $*" >&2; exit "${status:-1}"; }
# Exit code 3: it can't be run here, and nothing was found wrong.
not_run() { status=3 fail "NOT RUN: $*"; }

. "$root/tests/kit/processes.sh"
