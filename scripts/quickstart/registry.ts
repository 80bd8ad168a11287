import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { top } from '../source-files.ts'
import { freePort } from './site.ts'

/** The embedded registry, while it is being served. Disposing of it stops it. */
export interface ServedRegistry extends AsyncDisposable {
  /** Such as `127.0.0.1:5000`. */
  readonly address: string
  /** The digest that a repository's tag leads to. */
  digestOf(repository: string, tag: string): Promise<string>
}

/** Serves the local store as a registry, on the usual port if it is free. */
export async function serveRegistry(): Promise<ServedRegistry> {
  const address = `127.0.0.1:${String(await freePort(5000))}`
  const child = spawn(join(top, 'gantry'), ['registry', 'serve', '--addr', address], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  await listening(child)
  return {
    address,
    async digestOf(repository, tag) {
      const accept = 'application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json'
      const response = await fetch(`http://${address}/v2/${repository}/manifests/${tag}`, {
        method: 'HEAD',
        headers: { accept },
      })
      const digest = response.headers.get('docker-content-digest')
      if (digest === null)
        throw new Error(`Cannot find ${repository}:${tag} in the registry: it answered ${String(response.status)}`)
      return digest
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await ended
    },
  }
}

function listening(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()))
    if (child.stdout !== null)
      createInterface({ input: child.stdout }).on('line', (line) => line.startsWith('Serving ') && resolve())
    child.once('error', reject)
    child.once('close', (code) =>
      reject(new Error(`Cannot serve the registry: it ended with exit code ${String(code)}\n${said}`)),
    )
  })
}
