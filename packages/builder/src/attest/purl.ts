import type { ImagePackages } from './read-packages.ts'
import type { InstalledPackage } from './package-databases.ts'

/** The package URL. @see https://github.com/package-url/purl-spec/blob/v1.0.0/PURL-SPECIFICATION.rst */
export function purlOf(
  { kind, name, version, architecture }: InstalledPackage,
  distribution: ImagePackages['distribution'],
): string {
  const part = (text: string): string => encodeURIComponent(text).replaceAll('%3A', ':')
  if (kind === 'npm') return `pkg:npm/${name.split('/').map(part).join('/')}@${part(version)}`
  const id = distribution?.id ?? (kind === 'deb' ? 'debian' : 'alpine')
  const qualifiers = [
    ...(architecture === undefined ? [] : [`arch=${part(architecture)}`]),
    ...(distribution === undefined || distribution.version === ''
      ? []
      : [`distro=${part(`${id}-${distribution.version}`)}`]),
  ]
  const query = qualifiers.length === 0 ? '' : `?${qualifiers.join('&')}`
  return `pkg:${kind}/${part(id)}/${part(name.toLowerCase())}@${part(version)}${query}`
}
