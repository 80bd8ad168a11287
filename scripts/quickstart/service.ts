import { setTimeout as sleep } from 'node:timers/promises'
import { gantry, tryGantry } from './gantry.ts'

/** The name that the containers bear, in either root. */
export const containerName = 'hello-node-quickstart'

/** A container that answers. */
export interface Service {
  /** Where its page is. */
  readonly address: string
  /** It was running before. */
  readonly kept: boolean
}

/** Sees to it that a container of this image runs, its page published at `port` unless it ran before, and waits until it answers. */
export async function runService(image: string, options: { root?: string; port: number }): Promise<Service> {
  const where = options.root === undefined ? {} : { root: options.root }
  const state = await stateOf(image, where)
  const kept = state === 'running'
  if (state === 'stopped') await gantry(['start', containerName], where)
  if (state === 'other') await gantry(['rm', '--force', containerName], where)
  if (state === 'absent' || state === 'other') {
    const publish = `127.0.0.1:${String(options.port)}:3000`
    const settings = ['--detach', '--name', containerName, '--publish', publish, '--env', `IMAGE=${image}`]
    await gantry(['run', ...settings, image], where)
  }
  const published = await gantry(['port', containerName, '3000'], where)
  const address = `http://${(published.split('\n')[0] ?? '').trim()}`
  await answers(address, where)
  return { address, kept }
}

// "other" is a container of an image that has been built anew since.
async function stateOf(image: string, where: { root?: string }): Promise<'running' | 'stopped' | 'other' | 'absent'> {
  const format = '{{.Image}} {{.State.Running}}'
  const { code, stdout } = await tryGantry(['inspect', '--type', 'container', '--format', format, containerName], where)
  if (code !== 0) return 'absent'
  const id = await gantry(['inspect', '--type', 'image', '--format', '{{.Id}}', image], where)
  const [its, running] = stdout.trim().split(' ')
  if (its !== id) return 'other'
  return running === 'true' ? 'running' : 'stopped'
}

async function answers(address: string, where: { root?: string }): Promise<void> {
  let reason = 'no answer'
  for (let tries = 0; tries < 100; tries++) {
    try {
      const response = await fetch(address)
      const page = await response.text()
      if (response.ok && page.includes('Hello from a container')) return
      reason = `the answer was ${String(response.status)} ${page.slice(0, 200)}`
    } catch (error) {
      reason = String((error as Error).cause ?? error)
    }
    await sleep(100)
  }
  const { stdout, stderr } = await tryGantry(['logs', '--tail', '20', containerName], where)
  throw new Error(`Cannot fetch ${address}: ${reason}\nThe container's log:\n${stdout}${stderr}`)
}
