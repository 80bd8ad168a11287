import { DockerfileError } from './error.ts'
import { expand, type Expansion, type ExpandOptions, ExpansionError } from './expand.ts'
import type { Range, Text } from './range.ts'
import type { Dockerfile } from './syntax.ts'

/** Variables by name. */
export type Variables = ReadonlyMap<string, string>

/** Proxy settings that every RUN gets when they are given as build arguments; never in history, keys or images. */
export const proxyArgs: ReadonlySet<string> = new Set(
  ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'].flatMap((name) => [name, name.toLowerCase()]),
)

/**
 * Expands a text of a Dockerfile with the file's escape character.
 * @throws DockerfileError EXPANSION_INVALID or EXPANSION_TOO_LARGE at the text
 */
export function expandText(
  dockerfile: Pick<Dockerfile, 'file' | 'directives'>,
  text: Text,
  variables: Variables,
  options?: Omit<ExpandOptions, 'escape'>,
): Expansion {
  return expandAt(dockerfile, text.text, text.range, variables, { escape: dockerfile.directives.escape, ...options })
}

/** Expands the body of an unquoted heredoc: quotes are ordinary characters there, and the escape is always `\`. */
export function expandBody(
  dockerfile: Pick<Dockerfile, 'file' | 'directives'>,
  body: string,
  range: Range,
  variables: Variables,
): string {
  return expandAt(dockerfile, body, range, variables, { escape: '\\', ignoreQuotes: true }).value
}

function expandAt(
  dockerfile: Pick<Dockerfile, 'file'>,
  text: string,
  range: Range,
  variables: Variables,
  options: ExpandOptions,
): Expansion {
  try {
    return expand(text, (name) => variables.get(name), options)
  } catch (error) {
    if (!(error instanceof ExpansionError)) throw error
    throw new DockerfileError(error.code, `cannot expand "${shorten(text)}": ${error.message}`, {
      file: dockerfile.file,
      range,
      cause: error,
    })
  }
}

function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}

/** What the global scope is made from. */
export interface GlobalScopeOptions {
  /** `--build-arg` values; they win over defaults of ARGs that the file declares and over automatic ones. */
  readonly buildArgs: Variables
  /** TARGETPLATFORM and its kin. */
  readonly automatic: Variables
}

/**
 * The variables that FROM lines see: the automatic platform ARGs and the ARGs before the first FROM, in order, each
 * default expanded with those above it. @throws DockerfileError EXPANSION_*
 */
export function globalScope(dockerfile: Dockerfile, options: GlobalScopeOptions): Variables {
  const { buildArgs, automatic } = options
  const scope = new Map<string, string>()
  for (const [name, value] of automatic) scope.set(name, buildArgs.get(name) ?? value)
  for (const { args } of dockerfile.globals) {
    for (const arg of args) {
      const name = expandText(dockerfile, arg.name, scope).value
      const given = buildArgs.get(name)
      if (given !== undefined) scope.set(name, given)
      else if (arg.value !== undefined) scope.set(name, expandText(dockerfile, arg.value, scope).value)
    }
  }
  return scope
}
