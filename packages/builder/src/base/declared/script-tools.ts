/**
 * Packages that others depend on for their maintainer scripts alone. No script is run here, so they stay out unless they
 * are asked for, or somebody not listed depends on them ("everybody" needs them for scripts only).
 */
export const scriptTools: ReadonlyMap<string, 'everybody' | readonly string[]> = new Map<
  string,
  'everybody' | readonly string[]
>([
  ...[
    'adduser',
    'cdebconf',
    'debconf',
    'debconf-2.0',
    'debianutils',
    'dpkg',
    'init-system-helpers',
    'install-info',
    'lsb-base',
    'passwd',
    'sysvinit-utils',
    'systemd-standalone-sysusers',
    'systemd-standalone-tmpfiles',
    'ucf',
  ].map((name): [string, 'everybody'] => [name, 'everybody']),
  ['awk', ['base-files']],
  ['openssl', ['ca-certificates', 'ssl-cert']],
])

/** Packages whose purpose is a shell. */
export const shells: ReadonlySet<string> = new Set(
  'bash dash busybox busybox-static zsh ksh ksh93u+m mksh loksh fish tcsh csh posh yash sash'.split(' '),
)

/** Packages that install packages. */
export const packageManagers: ReadonlySet<string> = new Set(['apt', 'aptitude', 'dpkg', 'cupt'])
