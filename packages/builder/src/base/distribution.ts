import { BaseError } from './base-error.ts'

/** The distribution whose packages make a root: `debian` or `ubuntu`, and its release. */
export interface Distribution {
  readonly id: 'debian' | 'ubuntu'
  /** The release's name, such as "bookworm", or the suite that was asked for. */
  readonly codename: string
}

/**
 * Tells the distribution from the text of `/etc/os-release`. Derivatives count as what they are made from, when they
 * name its release (`UBUNTU_CODENAME`, `DEBIAN_CODENAME`).
 *
 * @throws BaseError MIRROR_MISSING on a host that is neither Debian nor Ubuntu, where a mirror has to be named
 */
export function readDistribution(osRelease: string): Distribution {
  const fields = new Map(
    osRelease.split('\n').flatMap((line): [string, string][] => {
      const match = /^([A-Z_]+)=(["']?)(.*)\2\s*$/.exec(line)
      return match === null ? [] : [[match[1] ?? '', match[3] ?? '']]
    }),
  )
  const id = fields.get('ID') ?? ''
  const codename = fields.get('VERSION_CODENAME') ?? ''
  if (id === 'debian') return { id, codename: codename === '' ? 'sid' : codename }
  if (id === 'ubuntu' && codename !== '') return { id, codename }
  const ubuntu = fields.get('UBUNTU_CODENAME')
  if (ubuntu !== undefined && ubuntu !== '') return { id: 'ubuntu', codename: ubuntu }
  const debian = fields.get('DEBIAN_CODENAME')
  if (debian !== undefined && debian !== '') return { id: 'debian', codename: debian }
  throw new BaseError(
    'MIRROR_MISSING',
    `Cannot tell where packages come from: this host is "${id}", not Debian or Ubuntu (name a mirror and a release)`,
    { hint: 'name one: "gantry base build debian --mirror URL --suite RELEASE"' },
  )
}

/** The file that holds the keys of a distribution's archive, on hosts and inside the image. */
export function archiveKeyring(id: Distribution['id']): string {
  return `/usr/share/keyrings/${id}-archive-keyring.gpg`
}
