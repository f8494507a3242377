# Run by sh in its own mount namespace and session: boots one machine on a
# throw-away copy of a root and takes everything down when its standard input
# ends, which also happens when whoever started it dies. Mounts live in this
# namespace only, so they cannot outlive it.
#   $1 name  $2 directory  $3 lower directories  $4 seed directory  $5 size
#   $6 data directories, separated by blanks  $7 host name
set -u
name=$1 dir=$2 lower=$3 seed=$4 size=$5 data=$6 hostname=$7
trap '' INT HUP TERM

v2=/sys/fs/cgroup
[ -d /sys/fs/cgroup/unified ] && v2=/sys/fs/cgroup/unified
groups=$v2/$name
[ -d /sys/fs/cgroup/systemd ] && groups="$groups /sys/fs/cgroup/systemd/$name"

nspawn=
cleanup() {
	echo 1 2>/dev/null >"$v2/$name/cgroup.kill"
	[ -n "$nspawn" ] && kill -KILL "$nspawn" 2>/dev/null && wait "$nspawn"
	for group in $groups; do
		for attempt in 1 2 3 4 5 6 7 8 9 10; do
			find "$group" -depth -type d -exec rmdir {} + 2>/dev/null
			[ -d "$group" ] || break
			sleep 0.1
		done
	done
	umount -l "$dir/root" 2>/dev/null
	umount -l "$dir" 2>/dev/null
	rmdir "$dir"
	rm -rf "$seed"
}
fail() {
	echo "error $*"
	cleanup
	exit 1
}

mount -t tmpfs -o "mode=0755,size=$size" test-host "$dir" || fail mounting tmpfs
mkdir "$dir/upper" "$dir/work" "$dir/root" "$dir/data"
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$dir/upper,workdir=$dir/work" "$dir/root" || fail mounting overlay

# Copies without anything below them: on an overlay a file changes its inode
# when it is first written and a directory cannot be renamed, which no real
# host's /etc does.
for each in etc home root; do
	mkdir "$dir/copy" || fail copying "$each"
	cp -a "$dir/root/$each" "$dir/copy/" && rm -rf "$dir/root/$each" && cp -a "$dir/copy/$each" "$dir/root/" || fail copying "$each"
	rm -rf "$dir/copy"
done

# The corporate network's names from the start: Go's resolver notices a changed
# file only after five seconds.
printf '127.0.0.1\tlocalhost\n127.0.1.1\t%s\n::1\tlocalhost ip6-localhost ip6-loopback\n' "$hostname" >"$dir/root/etc/hosts"
printf '10.200.0.10\tproxy.corp\n10.200.0.20\tregistry.corp\n10.200.0.21\tdirect.corp\n' >>"$dir/root/etc/hosts"
echo "$hostname" >"$dir/root/etc/hostname"
: >"$dir/root/etc/resolv.conf"
tr -d - </proc/sys/kernel/random/uuid >"$dir/root/etc/machine-id"
[ -d "$seed/files" ] && { cp -a "$seed/files/." "$dir/root/" || fail copying files; }
if [ -f "$seed/prepare.sh" ]; then
	env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
		chroot "$dir/root" sh -e <"$seed/prepare.sh" >"$seed/prepare.log" 2>&1 || fail preparing: "$(tail -n 5 "$seed/prepare.log" | tr '\n' ' ')"
fi

binds= number=0
for each in $data; do
	number=$((number + 1))
	mkdir -p "$dir/root$each" "$dir/data/$number"
	chown --reference="$dir/root$each" "$dir/data/$number"
	chmod --reference="$dir/root$each" "$dir/data/$number"
	binds="$binds --bind=$dir/data/$number:$each"
done

# A control group of its own: nspawn makes "payload" in the one it starts in,
# and two machines must not share that.
for group in $groups; do mkdir "$group" || fail making "$group"; done
SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 setpriv --pdeathsig KILL sh -c '
	groups=$1
	shift
	for group in $groups; do echo $$ >"$group/cgroup.procs" || exit 1; done
	exec systemd-nspawn "$@"' nspawn "$groups" \
	-D "$dir/root" --boot --register=no --keep-unit --private-network --capability=all \
	--system-call-filter='@keyring bpf' --machine="$name" --hostname="$hostname" --resolv-conf=off --timezone=off \
	--link-journal=no --console=read-only $binds </dev/null >&2 &
nspawn=$!
echo "nspawn $nspawn"
exec >&-
read -r _
cleanup
