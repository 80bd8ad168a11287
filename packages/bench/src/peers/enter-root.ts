/**
 * The program (POSIX sh, arguments: the root, the shared directory, dockerd's further options) that runs in new mount and
 * process namespaces: makes the directory the root by pivot_root, with the host's /dev and /sys, a new /proc, /run and /tmp,
 * and the shared directory under the path it has on the host; then starts dockerd and waits for it. It stays the first process
 * of its namespace, so that orphaned shims have a parent that reaps them.
 */
export const enterScript = `set -eu
root=$1 shared=$2
shift 2
mount --make-rprivate /
mount --bind "$root" "$root"
cd "$root"
mkdir -p .old ".$shared"
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
mount -t tmpfs -o mode=755 tmpfs run
case $shared in /tmp/*) ;; *) mount -t tmpfs -o mode=1777 tmpfs tmp ;; esac
mount --bind "$shared" ".$shared"
pivot_root . .old
umount -l /.old
exec chroot . /bin/sh -c '
  shared=$1
  shift
  dockerd --data-root "$shared/data" --exec-root /run/docker-bench --pidfile /run/docker-bench.pid \\
    --host "unix://$shared/docker.sock" --group root --ip-forward-no-drop "$@" >"$shared/dockerd.log" 2>&1 &
  daemon=$!
  trap "kill -TERM $daemon" TERM INT
  while kill -0 $daemon 2>/dev/null; do wait $daemon || true; done
' dockerd "$shared" "$@"
`
