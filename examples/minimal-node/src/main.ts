import { createServer } from 'node:http'

const port = Number(process.env['PORT'] ?? 3000)

createServer((request, response) => {
  const zone = new URL(request.url ?? '/', 'http://localhost').searchParams.get('zone') ?? 'UTC'
  const time = new Intl.DateTimeFormat('en-GB', { timeStyle: 'short', timeZone: zone }).format()
  response.end(`${time} in ${zone}, says Node ${process.versions.node} as user ${String(process.getuid?.())}\n`)
}).listen(port)
