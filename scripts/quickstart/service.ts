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

/** A container that is to answer, and what is missing for it. */
export interface WantedService {
  /** What a person would type. */
  readonly command: string
  /** Does that, and waits until the container answers. */
  run(): Promise<Service>
}

/** Finds out what makes a container of this image run, its page published at `port` unless it has been made before. */
export async function wantService(image: string, options: { root?: string; port: number }): Promise<WantedService> {
  const where = options.root === undefined ? {} : { root: options.root }
  const state = await stateOf(image, where)
  const publish = `127.0.0.1:${String(options.port)}:3000`
  const settings = ['--detach', '--name', containerName, '--publish', publish, '--env', `IMAGE=${image}`]
  const commands = {
    running: [],
    stopped: [['start', containerName]],
    other: [
      ['rm', '--force', containerName],
      ['run', ...settings, image],
    ],
    absent: [['run', ...settings, image]],
  }[state]
  const start = options.root === undefined ? './gantry' : `./gantry --root ${options.root}`
  const shown = state === 'running' ? [['port', containerName, '3000']] : commands
  return {
    command: shown.map((words) => `${start} ${words.join(' ')}`).join('\n'),
    async run() {
      for (const words of commands) await gantry(words, where)
      const published = await gantry(['port', containerName, '3000'], where)
      const address = `http://${(published.split('\n')[0] ?? '').trim()}`
      await answers(address, where)
      return { address, kept: state === 'running' }
    },
  }
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
