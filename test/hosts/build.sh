# Run by sh -e in its own mount namespace: makes one root file system, or one
# layer over finished ones, in $partial/upper.
partial=$1 suite=$2 packages=$3 lower=$4 later=$5 script=$6
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
mkdir -p "$partial/upper" "$partial/work" "$partial/root"

if [ -n "$suite" ]; then
	# Without a mirror argument debootstrap and, later, apt inside the root use
	# the archive this machine's Debian is configured for.
	mkdir -p "${partial%/*}/packages"
	debootstrap --variant=minbase --cache-dir="${partial%/*}/packages" --include="$packages" "$suite" "$partial/upper"
	mount --bind "$partial/upper" "$partial/root"
else
	mount -t overlay overlay -o "lowerdir=$lower,upperdir=$partial/upper,workdir=$partial/work" "$partial/root"
fi
mount -t proc proc "$partial/root/proc"
mount -t devtmpfs dev "$partial/root/dev"

if [ -n "$later" ]; then
	# No package starts a service while this is a chroot.
	printf '#!/bin/sh\nexit 101\n' >"$partial/root/usr/sbin/policy-rc.d"
	chmod 755 "$partial/root/usr/sbin/policy-rc.d"
	cat /etc/resolv.conf >"$partial/root/etc/resolv.conf"
	chroot "$partial/root" apt-get -q update
	chroot "$partial/root" apt-get -qy --no-install-recommends install $later
	chroot "$partial/root" apt-get clean
fi
env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
	chroot "$partial/root" sh -e -c "$script"
rm -rf "$partial/root/var/lib/apt/lists"/*
rm -rf "$partial/root/var/cache/apt/archives"/*.deb
umount "$partial/root/dev" "$partial/root/proc" "$partial/root"
