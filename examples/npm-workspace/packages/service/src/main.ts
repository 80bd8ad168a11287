import { checksum } from '@example/checksum'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'

const app = new Hono()
app.get('/healthz', (context) => context.text('ok'))
app.get('/:text', (context) => context.text(checksum(context.req.param('text'))))

const server = serve({ fetch: app.fetch, port: Number(process.env['PORT'] ?? 3000) })
process.on('SIGTERM', () => server.close())
