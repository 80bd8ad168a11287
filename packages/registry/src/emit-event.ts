import type { RegistryRequest } from './exchange.ts'
import type { RegistryEvent } from './registry-event.ts'
import type { RegistryParts } from './registry-parts.ts'
import { steadyNow } from './clock/steady-clock.ts'

/** Tells of an event that a request caused. What the listener throws is reported, and changes nothing for the client. */
export function emitEvent(
  { onEvent, onError }: Pick<RegistryParts, 'onEvent' | 'onError'>,
  request: RegistryRequest,
  event: Omit<RegistryEvent, 'at' | 'actor' | 'request'>,
): void {
  if (onEvent === undefined) return
  const { principal, id } = request
  const known = principal !== undefined && principal.kind !== 'anonymous'
  try {
    onEvent({
      ...event,
      at: steadyNow(),
      ...(known ? { actor: principal.name } : {}),
      ...(id === undefined ? {} : { request: id }),
    })
  } catch (error) {
    onError?.(error, request)
  }
}
