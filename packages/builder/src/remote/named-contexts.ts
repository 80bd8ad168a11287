import type { IgnoreMatcher, NamedContext } from '@gantry/dockerfile'
import { parseIgnoreFile } from '@gantry/dockerfile'
import type { Material } from '../attest/provenance.ts'
import { BuildError } from '../build-error.ts'
import { readIgnoreFile } from '../read-inputs.ts'
import { openContext, type OpenContextOptions } from './open-context.ts'

/** A directory of files, with what is left out of it. */
export interface FilesContext {
  readonly directory: string
  readonly ignore: IgnoreMatcher
  /** See `OpenedContext`. */
  readonly time?: number | undefined
  readonly material?: Material | undefined
}

/** Contexts that were given by name: what names mean, and where the files are of those that are files. */
export interface NamedContexts {
  readonly kinds: ReadonlyMap<string, NamedContext>
  readonly files: ReadonlyMap<string, FilesContext>
}

/** Opens contexts that were given by name. @throws BuildError OPTIONS_INVALID, CONTEXT_INVALID, SOURCE_UNREADABLE */
export async function openNamedContexts(
  given: Readonly<Record<string, string>>,
  options: Omit<OpenContextOptions, 'name'>,
): Promise<NamedContexts> {
  const kinds = new Map<string, NamedContext>()
  const files = new Map<string, FilesContext>()
  for (const [index, [written, value]] of Object.entries(given).entries()) {
    const name = written.toLowerCase()
    if (name === '') throw new BuildError('OPTIONS_INVALID', `Cannot name a context "${written}"`)
    const [, scheme = '', rest = ''] = /^(docker-image:\/\/|target:|oci-layout:\/\/)(.+)$/s.exec(value) ?? []
    if (scheme === 'docker-image://') kinds.set(name, { kind: 'image', reference: rest })
    else if (scheme === 'oci-layout://') kinds.set(name, { kind: 'image', reference: value })
    else if (scheme === 'target:') kinds.set(name, { kind: 'stage', name: rest })
    else {
      const opened = await openContext(value, { ...options, name: `context-${index}` })
      const ignore = opened.isRemote ? parseIgnoreFile('') : await readIgnoreFile(opened.directory)
      kinds.set(name, { kind: 'files' })
      const { directory, time, material } = opened
      files.set(name, { directory, ignore, time, material })
    }
  }
  return { kinds, files }
}
