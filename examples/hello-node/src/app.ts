import { Hono } from 'hono'
import prettyMilliseconds from 'pretty-ms'
import { page } from './page.js'

export interface World {
  readonly image: string
  readonly hostname: string
  readonly nodeVersion: string
  /** Milliseconds since the service started. */
  readonly uptime: () => number
}

/** The service: a page for people, the same facts as JSON, and a health check. */
export function createApp(world: World): Hono {
  const facts = () => ({
    image: world.image,
    hostname: world.hostname,
    node: world.nodeVersion,
    uptime: prettyMilliseconds(world.uptime()),
  })
  return new Hono()
    .get('/', (context) => context.html(page(facts())))
    .get('/facts', (context) => context.json(facts()))
    .get('/healthz', (context) => context.text('ok\n'))
}
