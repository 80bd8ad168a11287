import type { Attachment, OutputChunk } from '@gantry/runtime'
import { readLog } from '@gantry/runtime'
import type { Context } from '../context.ts'
import { PendingAttachment } from '../container/pending-attachment.ts'
import { EngineError } from '../engine-error.ts'
import { containerEvent } from '../events/container-event.ts'
import { logPath } from '../run/keep-log.ts'

/** Which streams to attach to. */
export interface AttachOptions {
  readonly stdin?: boolean
  readonly stdout?: boolean
  readonly stderr?: boolean
  /** What was written before comes first. */
  readonly logs?: boolean
  /** Without it only `logs` are replayed. */
  readonly stream?: boolean
}

/** A connection to a container's process, or to one that will be started. The caller reads the output to its end, or closes it. */
export interface AttachedStream extends Attachment {
  /** Whether it is a terminal: one stream, without frames. */
  readonly terminal: boolean
}

/** Attaches to a container. Of one that does not run it takes effect at its start, before the first byte is written.
 * @throws EngineError CONTAINER_UNKNOWN, CONTAINER_PAUSED, CONTAINER_RESTARTING */
export async function attach(
  context: Context,
  reference: string,
  options: AttachOptions = {},
): Promise<AttachedStream> {
  const { stdin = false, stdout = true, stderr = true, logs = false, stream = true } = options
  const record = context.containers.find(reference)
  const { id, spec, status } = record
  if (status === 'paused')
    throw new EngineError('CONTAINER_PAUSED', `container ${id} is paused: unpause the container before attaching`)
  if (status === 'restarting')
    throw new EngineError('CONTAINER_RESTARTING', `container ${id} is restarting, wait until the container is running`)
  const live = context.live.of(id)
  let inner: Attachment
  if (!stream) inner = nothing
  else if (live.task !== undefined) inner = await live.task.attach({ stdin: stdin && spec.stdin })
  else {
    const pending = new PendingAttachment({
      stdin: stdin && spec.stdin,
      forget: (self) => live.attaching.delete(self),
    })
    live.attaching.add(pending)
    inner = pending
  }
  context.events.emit(containerEvent(record, 'attach'))
  const earlier = logs ? recorded(logPath(context, id)) : undefined
  const wanted = (chunk: OutputChunk): boolean => (chunk.stream === 'stdout' ? stdout : stderr)
  return {
    terminal: spec.terminal,
    output: chosen(earlier, inner.output, wanted),
    write: (data) => (stdin && spec.stdin ? inner.write(data) : Promise.resolve()),
    end: () => {
      if (stdin && spec.stdin) inner.end()
    },
    close: () => inner.close(),
  }
}

const nothing: Attachment = {
  output: (async function* (): AsyncGenerator<OutputChunk> {})(),
  write: () => Promise.resolve(),
  end: () => undefined,
  close: () => undefined,
}

async function* recorded(path: string): AsyncGenerator<OutputChunk, void, undefined> {
  for await (const entries of readLog(path)) {
    for (const { stream, line, partial } of entries)
      yield { stream, data: partial ? line : Buffer.concat([line, newline]) }
  }
}

const newline = Buffer.from('\n')

async function* chosen(
  earlier: AsyncIterable<OutputChunk> | undefined,
  output: AsyncIterable<OutputChunk>,
  wanted: (chunk: OutputChunk) => boolean,
): AsyncGenerator<OutputChunk, void, undefined> {
  if (earlier !== undefined) for await (const chunk of earlier) if (wanted(chunk)) yield chunk
  for await (const chunk of output) if (wanted(chunk)) yield chunk
}
