import { boolCoreTag, FAILSAFE_SCHEMA, loadAll, nullCoreTag, Schema, YAMLException } from 'js-yaml'

/** Scalars stay the texts that they are, so that a device may be called `0`; {@link numbered} makes numbers where they belong. */
const schema = new Schema([...FAILSAFE_SCHEMA.tags, boolCoreTag, nullCoreTag])
const largest = 4 << 20
const numbers: ReadonlySet<string> = new Set(['major', 'minor', 'fileMode', 'uid', 'gid', 'timeout', 'additionalGids'])

/**
 * Reads a specification of devices that is written in YAML (one document, no aliases, at most 4 MiB) to what its JSON would be. Numbers
 * are read as Go's YAML reads them: `0660` and `0o660` are octal.
 * @throws Error with the line, when it is not such a document
 */
export function readYamlSpec(text: string): unknown {
  if (text.length > largest) throw new Error('it is larger than 4 MiB')
  const documents = parse(text)
  if (documents.length !== 1) throw new Error(`it has ${documents.length} documents, not one`)
  return numbered(documents[0])
}

function parse(text: string): readonly unknown[] {
  try {
    return loadAll(text, { schema, maxDepth: 20, maxAliases: 0 })
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error
    const place = error.mark === undefined ? '' : `line ${error.mark.line + 1}: `
    throw new Error(`${place}${error.reason}`, { cause: error })
  }
}

function numbered(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => numbered(item, key))
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, numbered(item, name)]))
  }
  return typeof value === 'string' && numbers.has(key) ? numberOf(value) : value
}

/** What is no number stays a text, which is told as malformed. */
function numberOf(text: string): unknown {
  if (/^0o?[0-7]+$/.test(text)) return Number.parseInt(text.replace('o', ''), 8)
  return /^(?:\d+|0x[\da-f]+)$/i.test(text) ? Number(text) : text
}
