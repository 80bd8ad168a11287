import { BuildError } from '../build-error.ts'
import type { ProjectManifest } from './project-manifest.ts'
import type { NodeSettings } from './settings.ts'

/** How a program is started. */
export interface Entrypoint {
  /** Options of Node before the file. */
  readonly options: readonly string[]
  /** The file in the package; undefined when the settings say the whole command. */
  readonly file: string | undefined
  /** The whole command of the settings. */
  readonly command: readonly string[] | undefined
  /** What comes after it. */
  readonly arguments: readonly string[]
  /** Variables that stand before the command. */
  readonly env: ReadonlyMap<string, string>
}

/**
 * What starts a package: the setting `entrypoint`; the script `start` when it is a plain command of Node; `bin`; `main`;
 * `server.js` or `index.js`. @throws BuildError ENTRYPOINT_UNKNOWN
 */
export function findEntrypoint(
  manifest: ProjectManifest,
  settings: Pick<NodeSettings, 'entrypoint' | 'arguments'>,
  exists: (path: string) => boolean,
): Entrypoint {
  const { entrypoint, arguments: words = [] } = settings
  const none = { options: [], command: undefined, arguments: words, env: new Map<string, string>() }
  if (entrypoint !== undefined) return { ...none, file: undefined, command: entrypoint }
  const start = manifest.scripts.get('start')
  const parsed = start === undefined ? undefined : parseStart(start)
  if (parsed !== undefined) {
    const file = existing(parsed.file, exists)
    if (file === undefined)
      throw missing(manifest, `the script "start" runs "${parsed.file}", which is not in the image`)
    return { ...none, ...parsed, file, arguments: [...parsed.arguments, ...words] }
  }
  const programs = [...manifest.bin]
  const [, program] =
    programs.find(([name]) => name === manifest.name.slice(manifest.name.indexOf('/') + 1)) ?? programs[0] ?? []
  const candidates = [program, manifest.main, 'server.js', 'index.js'].filter((path) => path !== undefined)
  for (const candidate of candidates) {
    const file = existing(candidate, exists)
    if (file !== undefined) return { ...none, file }
  }
  throw missing(
    manifest,
    start === undefined
      ? `it has no script "start", and none of ${candidates.map((path) => `"${path}"`).join(', ')} is in the image`
      : `the script "start" is not a plain command of node: "${start}"`,
  )
}

/**
 * Reads a script that does nothing but start Node: variables, `node`, options, a file, arguments. Undefined when it is something
 * else, or means something to a shell.
 */
export function parseStart(
  script: string,
): (Pick<Entrypoint, 'options' | 'arguments' | 'env'> & { readonly file: string }) | undefined {
  const words = splitWords(script)
  if (words === undefined) return undefined
  const env = new Map<string, string>()
  let at = 0
  for (; at < words.length; at++) {
    const [, name, value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(words[at]!) ?? []
    if (name === undefined || value === undefined) break
    env.set(name, value)
  }
  if (words[at] === 'exec') at++
  if (words[at] !== 'node') return undefined
  const options: string[] = []
  for (at++; at < words.length && words[at]!.startsWith('-'); at++) {
    const option = words[at]!
    // These are programs or end Node at once, or watch: nothing to start a container with.
    if (/^(?:-[epvhc]|--(?:eval|print|version|help|check|watch|test)(?:[=-].*)?)$/.test(option)) return undefined
    options.push(option)
    if (takesValue.has(option) && words[at + 1] !== undefined) options.push(words[++at]!)
  }
  const file = words[at]
  return file === undefined ? undefined : { env, options, file, arguments: words.slice(at + 1) }
}

const takesValue = new Set([
  '-r',
  '--require',
  '--import',
  '--loader',
  '--experimental-loader',
  '-C',
  '--conditions',
  '--env-file',
  '--env-file-if-exists',
  '--title',
])

/** Splits a command as a shell would that has nothing to do but that; undefined when it has. */
function splitWords(script: string): readonly string[] | undefined {
  const words: string[] = []
  const word = /\s*((?:[^\s"'\\$`;&|<>(){}*?[\]#!~]|"[^"\\$`]*"|'[^']*')+)\s*/y
  while (word.lastIndex < script.length) {
    const found = word.exec(script)
    if (found === null) return undefined
    words.push(found[1]!.replaceAll(/"([^"]*)"|'([^']*)'/g, '$1$2'))
  }
  return words
}

/** A file as Node finds it: as named, or with `.js`, or `index.js` in it. */
function existing(path: string, exists: (path: string) => boolean): string | undefined {
  const clean = path.replace(/^(?:\.\/)+/, '').replace(/\/+$/, '')
  return [clean, `${clean}.js`, `${clean}.cjs`, `${clean}.mjs`, `${clean}/index.js`].find(exists)
}

function missing({ name }: ProjectManifest, why: string): BuildError {
  return new BuildError('ENTRYPOINT_UNKNOWN', `Cannot tell how "${name}" is started: ${why}`, {
    hint: 'set "gantry": { "entrypoint": ["node", "dist/main.js"] } in its package.json',
  })
}
