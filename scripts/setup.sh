#!/bin/sh
# Installs what Gantry needs and this machine lacks; says so first. Does nothing, quickly, when all is there.
# It is what ./quickstart and npm test begin with.
set -u
here=$(cd "$(dirname "$0")/.." && pwd) || exit 1

usage() {
  cat <<'END'
usage: scripts/setup.sh [--yes] [--quiet] [--only=system|npm] [--for-tests] [--list]
  --yes          do not ask
  --quiet        say nothing when nothing is missing
  --only=WHAT    only the system's packages, or only the libraries from npm
  --for-tests    also the tools that the tests compare Gantry with
  --list         say what is missing, and stop
exit: 0 all is there, or the rest needs root and was named; 1 something failed or was declined; 2 usage
END
}

yes='' quiet='' only='' tests='' list=''
for argument in "$@"; do
  case $argument in
    --yes | -y) yes=1 ;;
    --quiet | -q) quiet=1 ;;
    --only=system | --only=npm) only=${argument#--only=} ;;
    --for-tests) tests=1 ;;
    --list) list=1 ;;
    --help | -h) usage && exit 0 ;;
    *) echo "setup: unknown option \"$argument\"" >&2 && usage >&2 && exit 2 ;;
  esac
done

say() { printf '%s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2 && exit 1; }

# has FILE... - whether one of these files, or of those that the patterns mean, is there
has() { for file in "$@"; do [ -e "$file" ] && return 0; done; return 1; }
# program NAME... - whether one of these programs is there; the system's directories count without being in PATH
program() {
  for name in "$@"; do
    command -v "$name" >/dev/null 2>&1 && return 0
    has "/usr/sbin/$name" "/sbin/$name" "/usr/lib/podman/$name" "/usr/libexec/podman/$name" && return 0
  done
  return 1
}
need() { case " $missing " in *" $1 "*) ;; *) missing="${missing:+$missing }$1" ;; esac; }

# without PACKAGE - what is not there without a package that Gantry can do without; fails for one that it cannot
without() {
  case $1 in
    aardvark-dns) echo 'containers do not find each other by name' ;;
    catatonit) echo '"gantry run --init" is refused' ;;
    skopeo | umoci | buildah | docker-registry | docker-cli | jq | curl | iptables | busybox-static | golang-github-opencontainers-specs-dev)
      echo 'the tests that use it are left out'
      ;;
    *) return 1 ;;
  esac
}

# offered PACKAGE - whether this machine's package lists have it, or something that provides it
offered() { apt-get --simulate --no-install-recommends install "$1" >/dev/null 2>&1; }

# crun refuses hosts that still have cgroup v1 controllers.
if [ -f /sys/fs/cgroup/cgroup.controllers ]; then runtimes='crun runc' runtime=crun; else runtimes=runc runtime=runc; fi

old_apt() {
  command -v dpkg-query >/dev/null 2>&1 &&
    dpkg --compare-versions "$(dpkg-query --show --showformat='${Version}' apt 2>/dev/null)" lt-nl 2.5
}

find_missing() {
  missing=''
  # What the pinned Node is linked with.
  has /usr/lib/*/libatomic.so.1 /lib/*/libatomic.so.1 /usr/lib64/libatomic.so.1 /usr/lib/libatomic.so.1 || need libatomic1
  has /usr/lib/*/libstdc++.so.6 /lib/*/libstdc++.so.6 /usr/lib64/libstdc++.so.6 /usr/lib/libstdc++.so.6 || need libstdc++6
  # shellcheck disable=SC2086 # a list of words
  program $runtimes || need $runtime
  program conmon || need conmon
  program aardvark-dns || need aardvark-dns
  program catatonit || need catatonit
  program ip || need iproute2
  program nft || need nftables
  # What the base images are made with.
  program mmdebstrap || need mmdebstrap
  program xz || need xz-utils
  # Old releases of it ask a program of APT's that every ordinary installation has.
  ! old_apt || program apt-ftparchive || need apt-utils
  program gpgv || need gpgv
  has /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt || need ca-certificates
  if [ -n "$tests" ]; then
    for name in skopeo umoci buildah docker-registry jq curl iptables; do program "$name" || need "$name"; done
    program docker || need docker-cli
    has /bin/busybox || need busybox-static
    # The schema of what the runtimes read.
    has /usr/share/gocode/src/github.com/opencontainers/runtime-spec/schema/config-schema.json ||
      need golang-github-opencontainers-specs-dev
  fi
}

# Sets aside, in $absent, what this release does not have and Gantry can do without. Before the package lists have been read
# for the first time nobody knows.
set_aside() {
  absent=''
  has /var/lib/apt/lists/*_Packages* && command -v apt-get >/dev/null 2>&1 || return 0
  kept=''
  for package in $missing; do
    if without "$package" >/dev/null && ! offered "$package"; then
      absent="${absent:+$absent }$package"
    else
      kept="${kept:+$kept }$package"
    fi
  done
  missing=$kept
}

tell_absent() {
  for package in $absent; do say "  this release has no package \"$package\": $(without "$package")"; done
}

npm_missing() {
  has "$here"/node_modules/node-linux-*/bin/node || return 0
  [ -z "$(find "$here/node_modules/.package-lock.json" -newer "$here/package-lock.json" 2>/dev/null)" ]
}

missing='' absent='' libraries=''
[ "$only" = npm ] || { find_missing && set_aside; }
[ "$only" = system ] || ! npm_missing || libraries=1
if [ -z "$missing$libraries" ]; then
  [ -n "$quiet" ] || { say 'Everything that Gantry needs is installed' && tell_absent; }
  exit 0
fi

say 'Gantry needs, and this machine lacks:'
[ -z "$missing" ] || say "  system packages: $missing"
[ -z "$libraries" ] || say '  Node 26 and the development libraries, from npm, into ./node_modules'
tell_absent
[ -z "$list" ] || exit 0

machine=$(uname -m)
case $machine in
  x86_64 | aarch64 | arm64) ;;
  *) [ -z "$libraries" ] || fail "the Node that Gantry is pinned to exists for x64 and arm64, not for $machine" ;;
esac
if [ -n "$libraries" ]; then
  command -v npm >/dev/null 2>&1 || fail 'npm is not installed; install Node 18 or later with npm (as root: apt-get install nodejs npm)'
  node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 18 ? 0 : 1)' 2>/dev/null ||
    fail "npm needs a Node of 18 or later, this is $(node --version 2>/dev/null || echo none)"
fi

# What takes root is only named to others, so they are asked only about what is left.
can_install=''
[ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1 || can_install=$missing
if [ -z "$yes" ] && [ -n "$can_install$libraries" ]; then
  [ -t 0 ] || fail 'nobody to ask here; add --yes to agree'
  printf 'Install this? [Y/n] '
  read -r answer || exit 1
  case $answer in '' | [yYjJ]*) ;; *) say 'Nothing was installed' && exit 1 ;; esac
fi

# One setup at a time: the second waits, then finds its work done.
if command -v flock >/dev/null 2>&1 && { : >>"$here/.gantry-setup.lock"; } 2>/dev/null; then
  exec 9>>"$here/.gantry-setup.lock"
  flock 9
fi

log=$(mktemp "${TMPDIR:-/tmp}/gantry-setup.XXXXXX") || exit 1
trap 'rm -f "$log"' EXIT
# step SENTENCE COMMAND... - runs it quietly, with its time; what it wrote is shown when it fails
step() {
  sentence=$1 && shift
  printf '  %s … ' "$sentence"
  began=$(date +%s)
  if "$@" >"$log" 2>&1 9>&-; then
    say "$(($(date +%s) - began)) s"
  else
    code=$?
    say 'failed' && tail -n 30 "$log" >&2
    return "$code"
  fi
}

install_packages() {
  export DEBIAN_FRONTEND=noninteractive
  # A repository of somebody else may be out of reach: what matters is whether the packages are there.
  step 'read the package lists' apt-get update || say '  (going on with the lists that are there)'
  set_aside
  tell_absent
  [ -n "$missing" ] || return 0
  for package in $missing; do
    offered "$package" || say "  the package lists here do not have \"$package\"; on Ubuntu it may be in \"universe\": add-apt-repository universe"
  done
  # Services that come with a package (a registry, for one) are not started: RUNLEVEL=1 tells their scripts so.
  # shellcheck disable=SC2086 # a list of words
  step "install $missing" env RUNLEVEL=1 apt-get install --yes --no-install-recommends $missing
}

# Without root, what the pinned Node is linked with is unpacked beside it: scripts/node.sh and ./gantry look there.
# (The other library, libstdc++, is one that APT itself needs.)
beside="$here/node_modules/.libraries"
node_starts() {
  for node in "$here"/node_modules/node-linux-*/bin/node; do
    LD_LIBRARY_PATH="$beside" "$node" -e 0 >"$log" 2>&1 || return 1
  done
}
# shellcheck disable=SC2317 # called by step
unpack_library() {
  mkdir -p "$beside/package/lists/partial" "$beside/package/cache" && cd "$beside/package" || return 1
  # Where nobody has read the package lists yet, they are read into a directory of one's own.
  apt-get download libatomic1 || {
    set -- -o "Dir::State::Lists=$beside/package/lists" -o "Dir::Cache=$beside/package/cache"
    apt-get "$@" update && apt-get "$@" download libatomic1
  } || return 1
  dpkg-deb --extract libatomic1_*.deb . && mv usr/lib/*/libatomic.so.1* .. && cd "$here" && rm -r "$beside/package"
}

[ "$only" = npm ] || { find_missing && set_aside; }
install="apt-get install --yes --no-install-recommends $missing"
if [ -n "$missing" ]; then
  if ! command -v apt-get >/dev/null 2>&1; then
    say "This machine's package manager is not apt-get: install the equivalents of these yourself, then run this again:"
    say "  $missing"
  elif [ "$(id -u)" -eq 0 ]; then
    install_packages || fail "the system packages could not be installed; try: $install"
  else
    say 'Not root, so the system packages are left out. Run this as root, then this script again:'
    say "  apt-get update && $install"
  fi
fi

if [ -n "$libraries" ] && npm_missing; then
  cd "$here" || exit 1
  step 'install Node 26 and the libraries' npm ci --ignore-scripts --no-audit --no-fund || fail 'npm ci failed'
  has "$here"/node_modules/node-linux-*/bin/node || fail 'npm ci has not brought the pinned Node (was it called with --omit=optional?)'
fi
if [ "$only" != system ] && ! node_starts; then
  why=$(tail -n 1 "$log")
  step 'unpack a library that Node 26 needs beside it' unpack_library || {
    rm -rf "$beside"
    fail "the pinned Node does not start here ($why); as root: apt-get update && apt-get install libatomic1 libstdc++6"
  }
  node_starts || fail "the pinned Node does not start here: $(tail -n 1 "$log")"
fi
exit 0
