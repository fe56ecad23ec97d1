# The first process of a node, in mount, PID and network namespaces of its own: makes the node's file system, moves
# into it, and waits. What is mounted here is gone with the namespace.
# boot.sh STATE LOWER PROGRAMS OTHERS IMAGES
set -eu
state=$1 lower=$2 programs=$3 others=$4 images=$5
root=$state/root

mount --make-rprivate /
mkdir -p "$root" "$state/upper" "$state/work"
mount -t overlay -o "lowerdir=$lower,upperdir=$state/upper,workdir=$state/work" node "$root"
mkdir -p "$root/programs" "$root/others" "$root/images" "$root/config" "$root/old"

mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount --rbind /sys/fs/cgroup "$root/sys/fs/cgroup"
mount --rbind /dev "$root/dev"
mount -t tmpfs run "$root/run"
# Not on the overlay, on which containerd could lay none of its own, and no volume has a size.
for folder in var/lib/containerd var/lib/kubelet var/lib/volumes var/log config; do
  mkdir -p "$state/$folder" "$root/$folder"
  mount --bind "$state/$folder" "$root/$folder"
done
for pair in "$programs:programs" "$others:others" "$images:images"; do
  mount --bind -o ro "${pair%%:*}" "$root/${pair##*:}"
done

# A kubelet sets these for the whole machine, unless it finds what it wants. It finds that, and nothing is changed.
set_for_kubelet() {
  mkdir -p "$state/sysctl"
  echo "$2" > "$state/sysctl/${1##*/}"
  mount --bind "$state/sysctl/${1##*/}" "$root/proc/sys/$1"
}
set_for_kubelet vm/overcommit_memory 1
set_for_kubelet vm/panic_on_oom 0
set_for_kubelet kernel/panic 10
set_for_kubelet kernel/panic_on_oops 1
set_for_kubelet kernel/keys/root_maxkeys 1000000
set_for_kubelet kernel/keys/root_maxbytes 25000000

# Of the node's own network.
echo 1 > "$root/proc/sys/net/ipv4/ip_forward"
echo 1 > "$root/proc/sys/net/bridge/bridge-nf-call-iptables"

cd "$root"
pivot_root . old
umount -l /old
touch /config/booted
exec sh -c 'trap : CHLD; while :; do sleep 3600 & wait $!; done'
