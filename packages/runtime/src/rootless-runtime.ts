import { join } from 'node:path'
import { whyNoMounts, type Ledger, type Site, type Host } from '@gantry/linux'
import type { OciProgram } from './oci/oci-command.ts'
import { hasOwnProc } from './own-proc.ts'
import { runOnce } from './run-once.ts'
import { RuntimeError } from './runtime-error.ts'
import { rootlessSpec } from './spec/rootless-spec.ts'
import type { Runtime } from './task.ts'

/** What a runtime without root is made of. */
export interface RootlessParts {
  readonly site: Pick<Site, 'run'>
  readonly host: Pick<Host, 'privileges' | 'cgroup'>
  readonly ledger: Ledger
  readonly name: 'runc' | 'crun'
  readonly path: string
}

/**
 * Runs build steps in the user namespace that this process is in, without control groups; containers that go on by themselves
 * need root.
 */
export function rootlessRuntime({ site, host, ledger, name, path }: RootlessParts): Runtime {
  const root = join(site.run, 'oci')
  const args = ['--root', root, ...(name === 'runc' ? ['--rootless=true'] : ['--cgroup-manager=disabled'])]
  const program: OciProgram = { name, path, root, args, patience: 120_000 }
  let ownProc: boolean | undefined
  return {
    ...refusingRuntime(name, () => new RuntimeError('HOST_DENIED', 'Cannot run containers: this needs root')),
    runOnce: async (bundle, options) => {
      ownProc ??= hasOwnProc()
      const spec = rootlessSpec(bundle.spec, { privileges: host.privileges, cgroup: host.cgroup, ownProc })
      return await runOnce({ program, run: site.run, ledger, guarded: true }, { ...bundle, spec }, options)
    },
  }
}

/** A runtime for a process that may neither mount nor make namespaces: it says why, and what would allow it. */
export function forbiddenRuntime(name: string): Runtime {
  return refusingRuntime(name, () => {
    const { reason, hint } = whyNoMounts()
    return new RuntimeError('HOST_DENIED', `Cannot run programs: ${reason}`, { hint })
  })
}

function refusingRuntime(name: string, error: () => RuntimeError): Runtime {
  const refuse = async (): Promise<never> => {
    throw error()
  }
  return {
    name,
    features: () => {
      throw error()
    },
    create: refuse,
    open: refuse,
    runOnce: refuse,
    close: () => undefined,
  }
}
