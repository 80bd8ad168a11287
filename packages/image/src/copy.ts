import { isIndexType, type Descriptor, type Digest, type Platform } from '@gantry/oci'
import { abortable } from './abortable.ts'
import type { BlobSink, BlobSource } from './blob.ts'
import { readerOf } from './bytes.ts'
import { childrenOf, hasChildren } from './children.ts'
import { onSide } from './copy-error.ts'
import { ImageError } from './errors.ts'
import { fromElsewhere } from './from-elsewhere.ts'
import { createLimiter, type Limiter } from './limiter.ts'
import { deepestIndex } from './open-image.ts'
import { readDocument } from './read-document.ts'

/** What a copy tells on its way: `bytes` counts those of this blob so far; at the start those that an earlier copy left. */
export interface CopyProgress {
  readonly kind: 'blob'
  readonly descriptor: Descriptor
  readonly state: 'exists' | 'start' | 'progress' | 'done' | 'mounted'
  readonly bytes: number
}

/** How content is copied. */
export interface CopyOptions {
  readonly signal?: AbortSignal
  /** How many blobs move at once; 4 by default. */
  readonly concurrency?: number
  /** Of an index only the manifests for this platform are copied; the index itself stays whole. */
  readonly platform?: Platform
  /** Manifests of an index that the source does not have are left out, as archives of one platform leave them out. */
  readonly sparse?: boolean
  readonly onProgress?: (progress: CopyProgress) => void
}

/**
 * Copies what a descriptor leads to: pull, push, save and load are this. Blobs move in parallel, each once; children are
 * there before their parents; what the sink has is skipped. Layers that may not be distributed and have URLs stay where
 * they are. When one blob fails the others are stopped and have ended before this rejects.
 *
 * @throws {ImageError} `side` names the end that failed; the code is COPY_FAILED, with the cause, for an end's own errors
 */
export async function copy(
  source: BlobSource,
  sink: BlobSink,
  descriptor: Descriptor,
  options: CopyOptions = {},
): Promise<void> {
  options.signal?.throwIfAborted()
  const stop = new AbortController()
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal])
  const limiter = createLimiter(options.concurrency ?? 4)
  await visit({ source, sink, options, signal, stop, limiter, seen: new Map() }, descriptor)
}

/** How many manifests of one index are under way at once. */
const widestIndex = 8

interface Copying {
  readonly source: BlobSource
  readonly sink: BlobSink
  readonly options: CopyOptions
  readonly signal: AbortSignal
  readonly stop: AbortController
  readonly limiter: Limiter
  readonly seen: Map<Digest, Promise<void>>
}

function visit(copying: Copying, descriptor: Descriptor, depth = 0): Promise<void> {
  const known = copying.seen.get(descriptor.digest)
  if (known !== undefined) return known
  const copied = hasChildren(descriptor)
    ? copyDocument(copying, descriptor, depth)
    : copying.limiter(() => copyBlob(copying, descriptor, copying.source))
  copying.seen.set(descriptor.digest, copied)
  return copied
}

async function copyDocument(copying: Copying, descriptor: Descriptor, depth: number): Promise<void> {
  const { source, signal, limiter } = copying
  if (depth >= deepestIndex) {
    const problem = `Cannot copy ${descriptor.digest}: indexes nest deeper than ${deepestIndex}`
    throw new ImageError('MANIFEST_UNKNOWN', problem, { side: 'source' })
  }
  const bytes = await limiter(() => onSide('source', descriptor, signal, readDocument(source, descriptor, { signal })))
  const { mediaType } = descriptor
  const finding = childrenOf(source, { bytes, mediaType }, { ...copying.options, signal })
  const children = await onSide('source', descriptor, signal, finding)
  // A document is held until its children are there: of an index with thousands only some are visited at once.
  const window = createLimiter(isIndexType(mediaType) ? widestIndex : children.length)
  await all(
    copying,
    children.map((child) => window(() => visit(copying, child, depth + 1))),
  )
  await limiter(() => copyBlob(copying, descriptor, { open: async () => readerOf(bytes) }))
}

// Waits for every one, so that nothing goes on behind the caller's back.
async function all({ stop }: Copying, work: readonly Promise<void>[]): Promise<void> {
  let failure: { readonly error: unknown } | undefined
  await Promise.all(
    work.map((each) =>
      each.catch((error: unknown) => {
        failure ??= { error }
        stop.abort(error)
      }),
    ),
  )
  if (failure !== undefined) throw failure.error
}

async function copyBlob(copying: Copying, descriptor: Descriptor, from: BlobSource): Promise<void> {
  const { sink, signal, options } = copying
  signal.throwIfAborted()
  const report = (state: CopyProgress['state'], bytes: number): void => {
    options.onProgress?.({ kind: 'blob', descriptor, state, bytes })
  }
  const there = sink.has?.(descriptor, { signal })
  if (there !== undefined && (await onSide('sink', descriptor, signal, there))) {
    return report('exists', descriptor.size)
  }
  const mounting = sink.mount?.(descriptor, from.behind?.(descriptor) ?? from, { signal })
  if (mounting !== undefined && (await onSide('sink', descriptor, signal, mounting))) {
    return report('mounted', descriptor.size)
  }
  const driven = await moveDriven(copying, descriptor, from, report)
  if (driven !== undefined) return report(driven, descriptor.size)
  await fromElsewhere(from, async (one) => {
    await using reader = await onSide('source', descriptor, signal, one.open(descriptor, { signal, verify: false }))
    signal.throwIfAborted()
    report('start', 0)
    const body = counted(abortable(reader, signal), descriptor, signal, (bytes) => report('progress', bytes))
    await onSide('sink', descriptor, signal, sink.put(descriptor, body, { signal }))
  })
  report('done', descriptor.size)
}

/** Where one end can drive: a registry is read over several connections and goes on where it broke off, and so does a push. */
async function moveDriven(
  { sink, signal }: Copying,
  descriptor: Descriptor,
  from: BlobSource,
  report: (state: CopyProgress['state'], bytes: number) => void,
): Promise<'done' | 'exists' | undefined> {
  if (hasChildren(descriptor)) return undefined
  const onBytes = (bytes: number): void => report('progress', bytes)
  if (from.fill !== undefined && sink.partial !== undefined) {
    await using partial = await onSide('sink', descriptor, signal, sink.partial(descriptor, { signal }))
    if (partial === undefined) {
      // Somebody else may have been waited for who brought it.
      const there = sink.has?.(descriptor, { signal })
      return there !== undefined && (await onSide('sink', descriptor, signal, there)) ? 'exists' : undefined
    }
    report(
      'start',
      partial.missing().reduce((rest, { start, end }) => rest - (end - start), descriptor.size),
    )
    await onSide('source', descriptor, signal, from.fill(descriptor, partial, { signal, onBytes }))
    return 'done'
  }
  const { draw } = sink
  if (draw === undefined) return undefined
  await fromElsewhere(from, async (one) => {
    report('start', 0)
    await onSide('sink', descriptor, signal, draw.call(sink, descriptor, blamed(one, signal), { signal, onBytes }))
  })
  return 'done'
}

/** The same source, whose errors say that they are its own. */
function blamed(from: BlobSource, signal: AbortSignal): BlobSource {
  return {
    async open(descriptor, options) {
      const reader = await onSide('source', descriptor, signal, from.open(descriptor, options))
      const body = counted(reader, descriptor, signal, () => undefined)
      return {
        size: reader.size,
        [Symbol.asyncIterator]: () => body,
        [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
      }
    },
  }
}

async function* counted(
  body: AsyncIterable<Uint8Array>,
  descriptor: Descriptor,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  let bytes = 0
  const iterator = body[Symbol.asyncIterator]()
  try {
    for (;;) {
      const next = await onSide('source', descriptor, signal, iterator.next())
      if (next.done === true) return
      bytes += next.value.length
      onBytes(bytes)
      yield next.value
    }
  } finally {
    await iterator.return?.()
  }
}
