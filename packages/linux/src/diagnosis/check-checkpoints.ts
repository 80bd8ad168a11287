import { packageOf, runStatus } from '@gantry/process'
import { firstLine } from './look.ts'
import type { Check } from './verdict.ts'

/** CRIU, without which there are no checkpoints and all else is as it is. */
export const checkCheckpoints: Check = async ({ host }) => {
  const topic = 'checkpoints'
  const path = host.tools.criu
  if (path === undefined) {
    const mend = packageOf('criu')?.install
    const sentence = 'criu is not on this machine: no "gantry checkpoint"'
    return { topic, verdict: 'skipped', sentence, ...(mend === undefined ? {} : { mend }) }
  }
  if (!host.privileges.machine) return { topic, verdict: 'skipped', sentence: `${path} can be asked by root only` }
  const { code, stderr, stdout } = await runStatus(path, ['check'], { timeout: 30_000 })
  const version = (await firstLine(path, ['--version'])) ?? 'criu'
  if (code === 0) return { topic, verdict: 'ok', sentence: `${version} (${path})` }
  const why = /Error \([^)]*\): (.*)/.exec(stderr + stdout)?.[1]?.trim() ?? 'it does not say why'
  const sentence = `${version} (${path}) cannot work with this kernel: ${why}; no "gantry checkpoint"`
  return { topic, verdict: 'warning', sentence, mend: 'install criu 4.0 or newer' }
}
