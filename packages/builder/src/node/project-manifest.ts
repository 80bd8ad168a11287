import { BuildError } from '../build-error.ts'
import { isRecord, memberOf, textOrNothing, textsByName, textsOf } from './json-value.ts'

/** What a build reads of a `package.json`. */
export interface ProjectManifest {
  /** Empty when it has none. */
  readonly name: string
  readonly version: string | undefined
  readonly description: string | undefined
  readonly license: string | undefined
  readonly repository: string | undefined
  readonly main: string | undefined
  /** Programs by name. */
  readonly bin: ReadonlyMap<string, string>
  readonly scripts: ReadonlyMap<string, string>
  readonly dependencies: ReadonlyMap<string, string>
  readonly devDependencies: ReadonlyMap<string, string>
  readonly optionalDependencies: ReadonlyMap<string, string>
  readonly workspaces: readonly string[]
  /** The range of Node versions. */
  readonly engine: string | undefined
  readonly files: readonly string[] | undefined
  /** False says that a `binding.gyp` is not for installing. */
  readonly gypfile: boolean
  /** The settings, not looked at yet. */
  readonly gantry: unknown
}

/** Reads a `package.json`. @throws BuildError PROJECT_INVALID */
export function parseManifest(text: string, file: string): ProjectManifest {
  let value: unknown
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch (cause) {
    const message = `Cannot read "${file}": ${cause instanceof Error ? cause.message : String(cause)}`
    throw new BuildError('PROJECT_INVALID', message, { cause })
  }
  if (!isRecord(value)) throw new BuildError('PROJECT_INVALID', `Cannot read "${file}": it is not an object`)
  const member = (name: string): string | undefined => textOrNothing(memberOf(value, name))
  const workspaces = memberOf(value, 'workspaces')
  const repository = memberOf(value, 'repository')
  const name = member('name') ?? ''
  const bin = memberOf(value, 'bin')
  const files = memberOf(value, 'files')
  return {
    name,
    version: member('version'),
    description: member('description'),
    license: member('license'),
    repository: textOrNothing(repository) ?? textOrNothing(memberOf(repository, 'url')),
    main: member('main'),
    bin: typeof bin === 'string' ? new Map([[name.slice(name.indexOf('/') + 1), bin]]) : textsByName(bin),
    scripts: textsByName(memberOf(value, 'scripts')),
    dependencies: textsByName(memberOf(value, 'dependencies')),
    devDependencies: textsByName(memberOf(value, 'devDependencies')),
    optionalDependencies: textsByName(memberOf(value, 'optionalDependencies')),
    workspaces: isRecord(workspaces) ? textsOf(memberOf(workspaces, 'packages')) : textsOf(workspaces),
    engine: textOrNothing(memberOf(memberOf(value, 'engines'), 'node')),
    files: Array.isArray(files) ? textsOf(files) : undefined,
    gypfile: memberOf(value, 'gypfile') !== false,
    gantry: memberOf(value, 'gantry'),
  }
}
