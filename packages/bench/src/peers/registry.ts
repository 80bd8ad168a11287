import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createServer, type AddressInfo } from 'node:net'
import { exitOf, start } from '@gantry/process'
import { BenchError } from '../bench-error.ts'

/** A registry of the reference implementation. Disposing of it stops it and removes what it holds. */
export interface Registry extends AsyncDisposable {
  /** Such as `127.0.0.1:40123`. */
  readonly address: string
}

/** Starts docker-registry on a free port, with its data in a directory of its own. @throws BenchError PEER_FAILED */
export async function startRegistry(directory: string): Promise<Registry> {
  await rm(directory, { recursive: true, force: true })
  await mkdir(directory, { recursive: true })
  const address = `127.0.0.1:${await freePort()}`
  const configuration = join(directory, 'config.yml')
  await writeFile(
    configuration,
    `version: 0.1\nlog: { level: error }\nstorage:\n  filesystem: { rootdirectory: ${join(directory, 'data')} }\n  delete: { enabled: true }\nhttp: { addr: "${address}" }\n`,
  )
  const child = start('docker-registry', ['serve', configuration], { stdio: 'ignore' })
  const ended = exitOf(child)
  ended.catch(() => undefined)
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    await ended.catch(() => undefined)
    await rm(directory, { recursive: true, force: true })
  }
  for (let tries = 0; tries < 100; tries++) {
    const answer = await fetch(`http://${address}/v2/`).catch(() => undefined)
    if (answer?.ok === true) return { address, [Symbol.asyncDispose]: stop }
    await sleep(50)
  }
  await stop()
  throw new BenchError('PEER_FAILED', `Cannot start docker-registry: no answer at ${address}`)
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}
