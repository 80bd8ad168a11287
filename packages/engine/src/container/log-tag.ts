import { EngineError } from '../engine-error.ts'
import type { ContainerRecord } from './record.ts'
import { shortId } from './identity.ts'

type Named = Pick<ContainerRecord, 'id' | 'name' | 'image' | 'spec'>

const fields: Readonly<Record<string, (of: Named) => string>> = {
  ID: ({ id }) => shortId(id),
  FullID: ({ id }) => id,
  Name: ({ name }) => name,
  ImageID: ({ image }) => shortId(image.id.replace(/^sha256:/, '')),
  ImageFullID: ({ image }) => image.id,
  ImageName: ({ spec }) => spec.image,
  DaemonName: () => 'gantry',
}

const field = /\{\{\s*\.(\w+)\s*\}\}/g

/** Checks the log option `tag`: a text with fields such as `{{.Name}}`. @throws EngineError SPEC_INVALID for others and for templates */
export function checkTag(tag: string): void {
  const left = tag.replace(field, (whole, name: string) => (Object.hasOwn(fields, name) ? '' : whole))
  if (!left.includes('{{')) return
  throw new EngineError('SPEC_INVALID', `invalid value for log opt 'tag': "${tag}" has more than plain fields`, {
    hint: `known are ${Object.keys(fields)
      .map((name) => `{{.${name}}}`)
      .join(', ')}`,
  })
}

/** What the log option `tag` comes to for a container; undefined when it has none. */
export function logTag(container: Named): string | undefined {
  const tag = container.spec.log?.options['tag']
  if (tag === undefined || tag === '') return undefined
  return tag.replace(field, (whole, name: string) => fields[name]?.(container) ?? whole)
}
