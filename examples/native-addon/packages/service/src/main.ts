import { createServer } from 'node:http'
import { popcount } from '@example/popcount'

const port = Number(process.env['PORT'] ?? 3000)

createServer((request, response) => {
  const text = decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname.slice(1))
  response.end(`${text} has ${popcount(Buffer.from(text))} bits`)
}).listen(port)
