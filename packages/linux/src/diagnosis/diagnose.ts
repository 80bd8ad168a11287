import type { Host } from '../host/host.ts'
import { readHost } from '../host/read-host.ts'
import { siteOf, type Site } from '../site.ts'
import { checkCheckpoints } from './check-checkpoints.ts'
import { checkCgroups } from './check-cgroups.ts'
import { checkFirewall } from './check-firewall.ts'
import { checkKernel } from './check-kernel.ts'
import { checkLimits } from './check-limits.ts'
import { checkPrivileges } from './check-privileges.ts'
import { checkPrograms } from './check-programs.ts'
import { checkSockets } from './check-sockets.ts'
import { checkStorage } from './check-storage.ts'
import type { Check, Verdict } from './verdict.ts'

const checks: readonly Check[] = [
  checkKernel,
  checkPrivileges,
  checkCgroups,
  checkPrograms,
  checkCheckpoints,
  checkFirewall,
  checkStorage,
  checkLimits,
  checkSockets,
]

/**
 * Looks whether this machine can run containers, and says what mends it. Changes nothing, needs no root and no daemon; a check
 * that breaks is a warning of its own. The order is always the same.
 */
export async function diagnose(
  options: { readonly site?: Site; readonly host?: Host } = {},
): Promise<readonly Verdict[]> {
  const checked = { host: options.host ?? (await readHost()), site: options.site ?? siteOf(process.env) }
  const found = await Promise.all(
    checks.map(async (check): Promise<Verdict | readonly Verdict[]> => {
      try {
        return await check(checked)
      } catch (error) {
        const sentence = `A check could not be made: ${error instanceof Error ? error.message : String(error)}`
        return { topic: 'doctor', verdict: 'warning', sentence }
      }
    }),
  )
  return found.flat()
}
