# Usage: stage.sh DIR. Puts programs of this machine, a Debian with a JDK, Python, pip, Node.js and curl, into DIR with all they need: an image of an application.
set -eu
root=$1
java=$(dirname "$(dirname "$(readlink -f "$(command -v javac)")")")
python=$(readlink -f /usr/bin/python3)
name=${python##*/}
mkdir -p "$root$java/lib" "$root/etc/ssl" "$root/tmp" "$root/proc" "$root/usr/bin" "$root/usr/sbin" "$root/usr/local/share/ca-certificates" "$root/usr/local/lib/$name/dist-packages" "$root/lib64" "$root/usr/share"

cp -a "$java/bin" "$java/conf" "$root$java/"
for f in "$java"/lib/*; do
	case $f in */src.zip | */ct.sym) ;; *) cp -a "$f" "$root$java/lib/" ;; esac
done
find "$java" -type l -exec readlink -f {} + | grep '^/etc/java' | sort -u | while read -r f; do
	mkdir -p "$root$(dirname "$f")"
	cp "$f" "$root$f"
done

cp "$python" /usr/bin/curl /usr/bin/node /usr/bin/certutil /usr/bin/tstclnt "$root/usr/bin/"
ln -s "$name" "$root/usr/bin/python3"
ln -s "$java/bin/java" "$root/usr/bin/java"
cp -r "/usr/lib/$name" "$root/usr/lib/$name"
cp -r /usr/lib/python3/dist-packages/pip "$root/usr/local/lib/$name/dist-packages/"

# The distribution's store as its tools left it.
cp -a /etc/ssl/certs "$root/etc/ssl/"
mkdir -p "$root/var/lib/dpkg"
: >"$root/var/lib/dpkg/status"
cp -a /etc/debian_version /etc/ca-certificates.conf "$root/etc/"
cp -L /etc/os-release "$root/etc/"
cp -a /usr/share/ca-certificates "$root/usr/share/"
cp -a /usr/sbin/update-ca-certificates "$root/usr/sbin/"

# NSS loads these by their names.
nss=$(dirname "$(dpkg -L libnss3 | grep 'libsoftokn3\.so$')")
mkdir -p "$root$nss"
cp "$nss"/*.so "$nss"/*.chk "$root$nss/"

ldd "$nss"/*.so "$root"/usr/bin/* "/usr/lib/$name"/lib-dynload/*.so "$java"/bin/java "$java"/lib/*.so "$java"/lib/server/libjvm.so 2>/dev/null | grep -o ' /[^ ]*' | sort -u | while read -r f; do
	mkdir -p "$root$(dirname "$f")"
	cp -L "$f" "$root$f"
done
cp -L /lib64/ld-linux-x86-64.so.2 "$root/lib64/"
