import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { allCapabilities, capabilitiesOf } from './capabilities.ts'

/** The parts of a host's control groups that tell whether swap can be limited. */
export interface SwapHost {
  readonly mode: 'v1' | 'hybrid' | 'v2'
  readonly unified?: string | undefined
  readonly hierarchies?: readonly string[]
}

const swapKnown = new WeakMap<SwapHost, boolean>()
let available: readonly string[] | undefined

/** Whether memory and swap can be limited together on this host: not every kernel accounts swap. Looked at once. */
export function limitsSwap(cgroup: SwapHost): boolean {
  let known = swapKnown.get(cgroup)
  if (known === undefined) swapKnown.set(cgroup, (known = cgroup.mode === 'v2' ? hasSwapMax(cgroup) : hasMemsw(cgroup)))
  return known
}

/** The capabilities that this process may hand on: its own bounding set. Nothing can be given beyond it. Read once. */
export function availableCapabilities(): readonly string[] {
  available ??= readBoundingSet()
  return available
}

function hasMemsw({ hierarchies = [] }: SwapHost): boolean {
  return hierarchies.some((path) => existsSync(join(path, 'memory.memsw.limit_in_bytes')))
}

// The root group has no limits: look at any below it.
function hasSwapMax({ unified }: SwapHost): boolean {
  if (unified === undefined) return false
  try {
    return readdirSync(unified, { withFileTypes: true }).some(
      (entry) => entry.isDirectory() && existsSync(join(unified, entry.name, 'memory.swap.max')),
    )
  } catch {
    return false
  }
}

function readBoundingSet(): readonly string[] {
  try {
    const mask = /^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
    return mask === undefined ? allCapabilities : capabilitiesOf(mask)
  } catch {
    return allCapabilities
  }
}
