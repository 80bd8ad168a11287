import type { EventMessage } from '@gantry/client'
import type { EngineEvent } from '@gantry/engine'
import type { ApiRequest, Reply } from '../http/message.ts'
import { filters, milliseconds } from '../http/parameters.ts'
import type { Route } from '../http/router.ts'
import type { DockerApiParts } from '../parts.ts'
import { hasLabels } from '../translate/labels.ts'
import { allEvents } from './all-events.ts'
import { jsonStream } from './json-stream.ts'

/** `/events`. */
export function eventRoutes(parts: DockerApiParts): readonly Route[] {
  return [['GET', /^\/events$/, (request) => events(parts, request)]]
}

const known = [
  'type',
  'event',
  'container',
  'image',
  'network',
  'volume',
  'daemon',
  'label',
  'scope',
  'plugin',
  'service',
  'node',
  'secret',
  'config',
] as const

function events(parts: DockerApiParts, { query, signal }: ApiRequest): Reply {
  const filter = filters(query, known)
  const since = milliseconds(query.get('since'))
  const until = milliseconds(query.get('until'))
  const range = { ...(since === undefined ? {} : { since }), ...(until === undefined ? {} : { until }) }
  async function* messages(): AsyncGenerator<EventMessage, void, undefined> {
    for await (const event of allEvents(parts, { ...range, signal })) if (passes(event, filter)) yield message(event)
  }
  return jsonStream(messages())
}

function passes(event: EngineEvent, filter: Partial<Record<(typeof known)[number], string[]>>): boolean {
  const { type, action, subject, attributes } = event
  const some = (values: string[] | undefined, holds: (value: string) => boolean): boolean =>
    values === undefined || values.some(holds)
  const named = (kind: EngineEvent['type']) => (value: string) =>
    type === kind && (subject === value || subject.startsWith(value) || attributes['name'] === value)
  return (
    some(filter.type, (value) => value === type) &&
    some(filter.event, (value) => action === value || action.startsWith(`${value}:`)) &&
    some(filter.container, named('container')) &&
    some(filter.network, named('network')) &&
    some(filter.volume, named('volume')) &&
    some(filter.daemon, named('daemon')) &&
    some(filter.image, (value) =>
      type === 'image' ? subject === value || attributes['name'] === value : attributes['image'] === value,
    ) &&
    some(filter.scope, (value) => value === 'local') &&
    filter.plugin === undefined &&
    filter.service === undefined &&
    filter.node === undefined &&
    filter.secret === undefined &&
    filter.config === undefined &&
    hasLabels(attributes, filter.label)
  )
}

function message({ type, action, subject, attributes, time }: EngineEvent): EventMessage {
  return {
    // Clients of before API 1.22 knew of these three only.
    ...(type === 'container' || type === 'image' ? { status: action, id: subject } : {}),
    ...(type === 'container' && attributes['image'] !== undefined ? { from: attributes['image'] } : {}),
    Type: type,
    Action: action,
    Actor: { ID: subject, Attributes: { ...attributes } },
    scope: 'local',
    time: Math.floor(time / 1000),
    timeNano: Math.floor(time * 1e6),
  }
}
