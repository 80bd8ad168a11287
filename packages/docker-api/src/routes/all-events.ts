import type { EngineEvent, EventQuery } from '@gantry/engine'
import type { DockerApiParts, RecordedImageEvent } from '../parts.ts'

const interval = 500

/** The engine's events, and what commands in other processes did to images, which is looked for twice a second while somebody
 * watches. Of the past they come in the order of their times. */
export async function* allEvents(
  { engine, imageEvents, clock }: DockerApiParts,
  { signal: outer, ...range }: EventQuery & { readonly signal: AbortSignal },
): AsyncGenerator<EngineEvent, void, undefined> {
  const stop = new AbortController()
  const signal = AbortSignal.any([outer, stop.signal])
  const own = engine.events({ ...range, signal })
  if (imageEvents === undefined) {
    yield* own
    return
  }
  const { since, until = Infinity } = range
  const recorded = imageEvents(0)
  let last = recorded.at(-1)?.id ?? 0
  const past = since === undefined ? [] : recorded.filter(({ time }) => time >= since && time <= until).map(imageEvent)
  if (until <= clock.now()) {
    for await (const event of own) past.push(event)
    yield* past.toSorted((a, b) => a.time - b.time)
    return
  }
  const queue: EngineEvent[] = past
  let wake: (() => void) | undefined
  let over = false
  const add = (event: EngineEvent): void => {
    queue.push(event)
    wake?.()
  }
  const follow = async (): Promise<void> => {
    for await (const event of own) add(event)
    over = true
    wake?.()
  }
  const poll = async (): Promise<void> => {
    while (!signal.aborted) {
      await clock.sleep(interval, signal)
      for (const event of imageEvents(last)) {
        last = event.id
        if (event.time <= until) add(imageEvent(event))
      }
    }
  }
  void follow()
  poll().catch(() => undefined)
  try {
    for (;;) {
      for (let event = queue.shift(); event !== undefined; event = queue.shift()) yield event
      if (over) return
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  } finally {
    stop.abort()
  }
}

function imageEvent({ time, action, name }: RecordedImageEvent): EngineEvent {
  return { type: 'image', action, subject: name, attributes: { name }, time }
}
