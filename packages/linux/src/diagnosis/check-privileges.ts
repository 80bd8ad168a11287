import { textAt } from './look.ts'
import type { Check } from './verdict.ts'

/** Whether this user may make namespaces and mounts. */
export const checkPrivileges: Check = async ({ host }) => {
  if (host.uid !== 0) {
    return {
      topic: 'privileges',
      verdict: 'failure',
      sentence: `User ${String(host.uid)} is not root: images can be built from and moved, but containers need root`,
      mend: `sudo ${process.argv0.endsWith('gantry') ? process.argv0 : 'gantry'} doctor`,
    }
  }
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(await textAt('/proc/self/status'))?.[1] ?? '0'}`)
  const needed = {
    CAP_NET_ADMIN: 12n,
    CAP_SYS_ADMIN: 21n,
    CAP_MKNOD: 27n,
    CAP_CHOWN: 0n,
    CAP_DAC_OVERRIDE: 1n,
  } as const
  const missing = Object.entries(needed).filter(([, bit]) => ((effective >> bit) & 1n) === 0n)
  if (missing.length > 0) {
    const names = missing.map(([name]) => name)
    return {
      topic: 'privileges',
      verdict: 'failure',
      sentence: `root without ${names.join(', ')}: this is perhaps a container itself`,
      mend: 'Run Gantry on the machine itself, or in a privileged container',
    }
  }
  return { topic: 'privileges', verdict: 'ok', sentence: 'root with all capabilities that containers need' }
}
