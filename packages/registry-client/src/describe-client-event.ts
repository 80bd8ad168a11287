import type { ClientEvent } from './client-event.ts'

/** So few requests that are left are worth a word, in parts of the limit. */
const few = 0.1

/** An event as a sentence for people; `undefined` for what is of no interest to them. */
export function describeClientEvent(event: ClientEvent): string | undefined {
  const { registry } = event
  switch (event.kind) {
    case 'rate-limit': {
      const { limit, remaining, window } = event.limit
      if (limit === undefined || remaining === undefined || remaining > limit * few) return undefined
      const span = window === undefined ? '' : ` in ${window % 3600 === 0 ? `${window / 3600} h` : `${window} s`}`
      return `${registry} lets ${remaining} more of ${limit} pulls through${span}`
    }
    case 'retry': {
      // Short waits are not worth a line.
      if (event.wait < 1000) return undefined
      const reason =
        event.status === undefined ? (event.code ?? 'the connection failed') : `it answered ${event.status}`
      return `Waiting ${Math.ceil(event.wait / 1000)} s for ${registry}: ${reason}`
    }
    case 'mirror-failed':
      return `The mirror ${event.mirror} of ${registry} could not help: ${event.reason}`
    case 'warning':
      return `${registry} warns: ${event.text}`
    case 'restart':
      return `The bytes of ${event.digest} were wrong; it is fetched again`
    case 'upload-resumed':
      return undefined
  }
}
