import type { ProgressMessage } from '@gantry/client'
import type { TransferEvent } from '@gantry/engine'
import { TransferCount } from './transfer-count.ts'
import { familiarReference, isLayerType, parseReference, type Digest } from '@gantry/oci'

/** A pull or push in Docker's progress lines. Only layers have lines of their own; clients keep one row for each id. */
export async function* progressMessages(
  events: AsyncIterable<TransferEvent>,
  { verb, reference }: { verb: 'pull' | 'push'; reference: string },
): AsyncGenerator<ProgressMessage, void, undefined> {
  const count = new TransferCount()
  for await (const event of events) {
    count.add(event)
    const message = verb === 'pull' ? pullMessage(event, reference) : pushMessage(event)
    if (message !== undefined) yield message
    if (event.kind === 'done' && verb === 'pull') {
      const name = familiarReference(parseReference(event.name))
      yield { progressDetail: {}, aux: { Digest: event.descriptor.digest, ...count.totals } }
      yield {
        status: event.changed
          ? `Status: Downloaded newer image for ${name}`
          : `Status: Image is up to date for ${name}`,
      }
    }
    if (event.kind === 'done' && verb === 'push') {
      const { digest, size } = event.descriptor
      const tag = parseReference(event.name).tag ?? ''
      yield { progressDetail: {}, aux: { Tag: tag, Digest: digest, Size: size, ...count.totals } }
    }
  }
}

function short(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1).slice(0, 12)
}

function pullMessage(event: TransferEvent, reference: string): ProgressMessage | undefined {
  if (event.kind === 'notice') return { status: event.text }
  if (event.kind === 'resolved') {
    const { repository, tag, digest } = parseReference(reference)
    return { status: `Pulling from ${repository}`, id: tag ?? digest ?? 'latest' }
  }
  if (event.kind === 'done') return { status: `Digest: ${event.descriptor.digest}` }
  if (event.kind === 'unpack') {
    const id = short(event.layer)
    if (event.state === 'progress') return progress('Extracting', id, event.bytes, event.total)
    return event.state === 'done' || event.state === 'exists'
      ? { status: 'Pull complete', progressDetail: {}, id }
      : undefined
  }
  if (event.kind !== 'blob' || !isLayerType(event.descriptor.mediaType)) return undefined
  const id = short(event.descriptor.digest)
  switch (event.state) {
    case 'exists':
      return { status: 'Already exists', progressDetail: {}, id }
    case 'start':
      return event.bytes === 0
        ? { status: 'Pulling fs layer', progressDetail: {}, id }
        : progress('Downloading', id, event.bytes, event.descriptor.size)
    case 'progress':
      return progress('Downloading', id, event.bytes, event.descriptor.size)
    case 'done':
    case 'mounted':
      return { status: 'Download complete', progressDetail: {}, id }
    default:
      return undefined
  }
}

function pushMessage(event: TransferEvent): ProgressMessage | undefined {
  if (event.kind === 'notice') return { status: event.text }
  if (event.kind === 'resolved') {
    const { registry, repository } = parseReference(event.name)
    return { status: `The push refers to repository [${registry}/${repository}]` }
  }
  if (event.kind === 'done') {
    const { tag, digest } = parseReference(event.name)
    return { status: `${tag ?? digest ?? 'latest'}: digest: ${event.descriptor.digest} size: ${event.descriptor.size}` }
  }
  if (event.kind !== 'blob' || !isLayerType(event.descriptor.mediaType)) return undefined
  const id = short(event.descriptor.digest)
  switch (event.state) {
    case 'compressing':
      return { status: 'Preparing', progressDetail: {}, id }
    case 'start':
      return { status: 'Waiting', progressDetail: {}, id }
    case 'progress':
      return progress('Pushing', id, event.bytes, event.descriptor.size)
    case 'exists':
      return { status: 'Layer already exists', progressDetail: {}, id }
    case 'mounted':
      return { status: 'Mounted from another repository', progressDetail: {}, id }
    case 'done':
      return { status: 'Pushed', progressDetail: {}, id }
    default:
      return undefined
  }
}

function progress(status: string, id: string, current: number, total: number): ProgressMessage {
  return { status, id, progressDetail: { current, total }, progress: bar(current, total) }
}

function bar(current: number, total: number): string {
  const width = 50
  const filled = total === 0 ? width : Math.min(width, Math.floor((current / total) * width))
  const line = filled === width ? '='.repeat(width) : `${'='.repeat(filled)}>${' '.repeat(width - filled - 1)}`
  return `[${line}]  ${bytes(current)}/${bytes(total)}`
}

function bytes(count: number): string {
  let value = count
  for (const unit of ['B', 'kB', 'MB', 'GB']) {
    if (value < 1000 || unit === 'GB')
      return `${value >= 100 || unit === 'B' ? Math.round(value) : Number(value.toPrecision(4))}${unit}`
    value /= 1000
  }
  return `${count}B`
}
