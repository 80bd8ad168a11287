import { readFileSync, globSync } from 'node:fs'
import { join } from 'node:path'
import { top } from './source-files.ts'

const fields = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'] as const

type Manifest = Readonly<Partial<Record<(typeof fields)[number], Readonly<Record<string, string>>>>>

/** Packages that may be imported by what ships: they are bundled, so that nobody has to install them. */
export const bundled: readonly string[] = ['bcryptjs', 'js-yaml']

/** Finds dependencies that ARCHITECTURE.md does not explain, that are not pinned, or that a package declares itself. */
export function checkDependencies(): string[] {
  const architecture = readFileSync(join(top, 'ARCHITECTURE.md'), 'utf8')
  const own = Object.entries(dependenciesOf('package.json')).flatMap(([name, version]) => [
    ...(architecture.includes(`| \`${name}\``)
      ? []
      : [`package.json: "${name}" has no line in ARCHITECTURE.md saying what it saves`]),
    ...(/^\d/.test(version) ? [] : [`package.json: "${name}" is "${version}"; pin one version`]),
  ])
  const inner = globSync('packages/*/package.json', { cwd: top }).flatMap((path) =>
    Object.keys(dependenciesOf(path)).map(
      (name) => `${path}: declares "${name}"; packages have no dependencies of their own`,
    ),
  )
  const lock = readFileSync(join(top, 'package-lock.json'), 'utf8')
  const addresses = /"resolved": "https?:/.test(lock) ? ['package-lock.json: records download addresses'] : []
  return [...own, ...inner, ...addresses]
}

function dependenciesOf(path: string): Readonly<Record<string, string>> {
  const manifest = JSON.parse(readFileSync(join(top, path), 'utf8')) as Manifest
  return Object.assign({}, ...fields.map((field) => manifest[field] ?? {})) as Readonly<Record<string, string>>
}
