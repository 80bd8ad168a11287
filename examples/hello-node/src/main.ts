import { hostname } from 'node:os'
import { serve } from '@hono/node-server'
import { createApp } from './app.js'

const port = Number(process.env['PORT'] ?? 3000)
const app = createApp({
  image: process.env['IMAGE'] ?? 'unknown',
  hostname: hostname(),
  nodeVersion: process.version,
  uptime: () => process.uptime() * 1000,
})

const server = serve({ fetch: app.fetch, port }, ({ port }) => {
  console.log(`hello-node listens on port ${port}`)
})

// The first process of a container gets no default action for signals: without this, stopping would wait for a kill.
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    console.log(`${signal}: finishing what is open`)
    server.close(() => process.exit(0))
    if ('closeIdleConnections' in server) server.closeIdleConnections()
  })
}
