# Sourced by the scripts beside it: where the cluster keeps its things. Programs
# are kept by the version of Kubernetes, and the state beside them, outside of
# the checkout, like those of tests/standins.
. "$(dirname "${BASH_SOURCE[0]}")/../standins/places.sh"
here=$root/tests/cluster
version=$(sed -n 's,^k8s.io/kubernetes@v\([0-9.]*\) .*,\1,p' "$here/tools.txt")
bin=$cache/cluster/$version/bin
debian=$cache/cluster/$version/debian
state=$cache/cluster/state
dir=$state # of processes.sh
netns=pawprint-cluster
netns_file=/run/netns/$netns
in_long() { [ "${LONG-}" = 1 ] || [[ " ${LONG-} " = *" $1 "* ]]; } # PART of long/: is it asked for?
pause_image=registry.k8s.io/pause:3.10.1
