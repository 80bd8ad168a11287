import { greeting } from '@example/words'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'

const app = new Hono()
app.get('/:name', (context) => context.text(greeting(context.req.param('name'), 61_000)))

serve({ fetch: app.fetch, port: Number(process.env['PORT'] ?? 3000) })
