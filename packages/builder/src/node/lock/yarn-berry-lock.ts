import { BuildError } from '../../build-error.ts'
import { memberOf, membersOf, textOrNothing, textsByName } from '../json-value.ts'
import { isPackageName } from '../layout/relative-link.ts'
import { readYaml } from '../read-yaml.ts'

/** One entry of a `yarn.lock` of Yarn 2 or later. */
export interface BerryEntry {
  readonly name: string
  readonly version: string
  /** Where it is in the project; missing for packages of a registry. */
  readonly workspace?: string
  readonly dependencies: ReadonlyMap<string, string>
  readonly optional: ReadonlySet<string>
  readonly os?: readonly string[]
  readonly cpu?: readonly string[]
  readonly libc?: readonly string[]
}

/** By what is asked for: `name@npm:range`. */
export type BerryLock = ReadonlyMap<string, BerryEntry>

/** Reads a `yarn.lock` of Yarn 2 or later. @throws BuildError LOCKFILE_INVALID */
export function parseYarnBerryLock(text: string, file: string): BerryLock {
  const fail = (what: string, hint?: string): never => {
    throw new BuildError('LOCKFILE_INVALID', `Cannot read "${file}": ${what}`, { hint })
  }
  const lock = new Map<string, BerryEntry>()
  for (const [keys, value] of membersOf(readYaml(text, file))) {
    if (keys === '__metadata') continue
    const resolution = textOrNothing(memberOf(value, 'resolution')) ?? ''
    const at = resolution.indexOf('@', 1)
    const name = resolution.slice(0, at)
    const reference = resolution.slice(at + 1)
    if (at < 1 || !isPackageName(name)) fail(`"${keys}" is not resolved to a package`)
    const meta = memberOf(value, 'dependenciesMeta')
    const isOptional = ([, each]: readonly [string, unknown]): boolean => memberOf(each, 'optional') === true
    const entry: BerryEntry = {
      name,
      version: textOrNothing(memberOf(value, 'version')) ?? '',
      ...placeOf(reference, name, fail),
      dependencies: textsByName(memberOf(value, 'dependencies')),
      optional: new Set(
        membersOf(meta)
          .filter(isOptional)
          .map(([each]) => each),
      ),
      ...conditionsOf(textOrNothing(memberOf(value, 'conditions')) ?? ''),
    }
    for (const key of keys.split(', ')) lock.set(key, entry)
  }
  return lock
}

function placeOf(
  reference: string,
  name: string,
  fail: (what: string, hint?: string) => never,
): { workspace?: string } {
  if (reference.startsWith('workspace:')) {
    const directory = reference.slice('workspace:'.length)
    return { workspace: directory === '.' ? '' : directory }
  }
  // What Yarn patches by itself runs without the patch too: the patches are for its own Plug'n'Play.
  if (reference.startsWith('npm:') || /^patch:.*builtin/.test(reference)) return {}
  return fail(
    `"${name}" is "${reference.slice(0, 100)}", which comes from no registry`,
    'publish it, or make it a workspace',
  )
}

/** `os=linux & cpu=x64 & libc=glibc`; of `(a | b)` all. */
function conditionsOf(text: string): Pick<BerryEntry, 'os' | 'cpu' | 'libc'> {
  const of = (name: string): readonly string[] =>
    Array.from(text.matchAll(new RegExp(`\\b${name}=([\\w!-]+)`, 'g')), ([, value]) => value!)
  const [os, cpu, libc] = [of('os'), of('cpu'), of('libc')]
  return {
    ...(os.length > 0 ? { os } : {}),
    ...(cpu.length > 0 ? { cpu } : {}),
    ...(libc.length > 0 ? { libc } : {}),
  }
}
