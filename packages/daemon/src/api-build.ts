import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { build, type BuildEvent } from '@gantry/builder'
import type { ProgressMessage } from '@gantry/client'
import type { ApiBuildOptions } from '@gantry/docker-api'
import { parsePlatform } from '@gantry/oci'
import { extractArchive } from '@gantry/snapshot'
import type { ContentWorld } from './content-world.ts'

/** Builds from the tar of a context that came over the API, and tells of it in Docker's messages. The context is removed afterwards. */
export async function* apiBuild(
  world: Pick<ContentWorld, 'site' | 'builderPorts'>,
  archive: AsyncIterable<Uint8Array>,
  options: ApiBuildOptions,
): AsyncIterable<ProgressMessage> {
  const base = join(world.site.run, 'contexts')
  await mkdir(base, { recursive: true, mode: 0o700 })
  const context = await mkdtemp(join(base, 'context-'))
  try {
    await extractArchive(archive, context)
    yield* messages(world, context, options)
  } finally {
    await rm(context, { recursive: true, force: true })
  }
}

async function* messages(
  { builderPorts }: Pick<ContentWorld, 'builderPorts'>,
  context: string,
  options: ApiBuildOptions,
): AsyncIterable<ProgressMessage> {
  const { dockerfile, platform, ...rest } = options
  const waiting: ProgressMessage[] = []
  let wake = (): void => {}
  const stop = new AbortController()
  const result = build(
    {
      ...rest,
      context,
      dockerfile: join(context, dockerfile),
      ...(platform === undefined ? {} : { platform: parsePlatform(platform) }),
      signal: AbortSignal.any([options.signal, stop.signal]),
      onEvent: (event) => {
        waiting.push(...messagesOf(event))
        wake()
      },
    },
    builderPorts,
  )
  let ended = false
  const end = result
    .then(
      () => {},
      () => {},
    )
    .then(() => {
      ended = true
      wake()
    })
  try {
    while (!ended || waiting.length > 0) {
      yield* waiting.splice(0)
      if (!ended) {
        await new Promise<void>((resolve) => {
          wake = resolve
          if (ended || waiting.length > 0) resolve()
        })
      }
    }
    const { imageId, tags } = await result
    yield { aux: { ID: imageId } }
    yield { stream: `Successfully built ${imageId.slice(7, 19)}\n` }
    for (const tag of tags) yield { stream: `Successfully tagged ${tag}\n` }
  } finally {
    // Who stops listening stops the build; nothing of it is left when this ends.
    stop.abort()
    await end
  }
}

function messagesOf(event: BuildEvent): readonly ProgressMessage[] {
  if (event.kind === 'step-start') {
    const { stageName, position, total, text } = event.step
    return [{ stream: `Step ${String(position)}/${String(total)} [${stageName}] : ${text}\n` }]
  }
  if (event.kind === 'output') return [{ stream: new TextDecoder().decode(event.data) }]
  if (event.kind === 'step-done')
    return [
      { stream: event.cached ? ' ---> Using cache\n' : ` ---> done in ${String(Math.round(event.duration))} ms\n` },
    ]
  if (event.kind === 'warning') return [{ stream: `Warning: ${event.message}\n` }]
  return []
}
