import { boolCoreTag, FAILSAFE_SCHEMA, loadAll, nullCoreTag, Schema, YAMLException } from 'js-yaml'
import { BuildError } from '../build-error.ts'

/** What {@link readYaml} answers with: plain scalars are texts, but for `true`, `false` and nothing. */
export type YamlValue = string | boolean | null | readonly YamlValue[] | { readonly [name: string]: YamlValue }

const largest = 64 << 20
/** Numbers stay the texts that they are: `1.10` is a version. */
const schema = new Schema([...FAILSAFE_SCHEMA.tags, boolCoreTag, nullCoreTag])
const fail = (file: string, what: string): BuildError =>
  new BuildError('LOCKFILE_INVALID', `Cannot read "${file}"${what}`)

/**
 * Reads lockfiles and workspace files: YAML 1.2, one document, nothing being null. Aliases are refused: no package manager writes
 * them, and a few of them make a file of gigabytes. @throws BuildError LOCKFILE_INVALID with the line
 */
export function readYaml(text: string, file: string): YamlValue {
  if (text.length > largest) throw fail(file, ': it is larger than 64 MiB')
  const documents = parse(text, file)
  if (documents.length > 1) throw fail(file, ': it has several documents')
  return (documents[0] ?? null) as YamlValue
}

function parse(text: string, file: string): readonly unknown[] {
  try {
    return loadAll(text, { schema, maxDepth: 40, maxAliases: 0 })
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error
    throw fail(file, `${error.mark === undefined ? '' : `, line ${error.mark.line + 1}`}: ${error.reason}`)
  }
}
