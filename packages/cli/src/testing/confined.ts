import { chownSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLedger, ledgerMigrations, readHost } from '@gantry/linux'
import { run, runStatus, which } from '@gantry/process'
import { createRuntime, defaultSpec, type SpecOptions } from '@gantry/runtime'
import { openState } from '@gantry/state'

/** How a command ended. */
export interface ConfinedResult {
  readonly code: number
  readonly output: string
}

const checkout = new URL('../../../..', import.meta.url).pathname
const launcher = join(checkout, 'gantry')
const user = 31_234
const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Why commands cannot be run as somebody else here. */
export function confinedMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root, to become somebody else'
  const missing = ['unshare', 'setpriv', 'busybox', 'mount'].filter((name) => which(name) === undefined)
  if (missing.length > 0) return `needs ${missing.join(', ')}`
  if (Number(readFileSync('/proc/sys/user/max_user_namespaces', 'utf8')) === 0) return 'user namespaces are turned off'
  return undefined
}

/** Runs the command `gantry` as those who are not root of the machine. Disposing of it removes what it made. */
export class Confined implements AsyncDisposable {
  readonly directory: string = mkdtempSync(join(tmpdir(), 'gantry-confined-'))

  constructor() {
    run('chmod', ['755', this.directory]).catch(() => undefined)
  }

  /** Makes a context with busybox in it. */
  context(name: string, files: Readonly<Record<string, string>>): string {
    const context = join(this.directory, name)
    mkdirSync(context)
    copyFileSync(which('busybox')!, join(context, 'busybox'))
    for (const [file, text] of Object.entries(files)) writeFileSync(join(context, file), text)
    return context
  }

  /** As root of the machine. */
  asRoot(...args: readonly string[]): Promise<ConfinedResult> {
    return this.#run(launcher, ['--root', join(this.directory, 'root'), ...args], {
      GANTRY_RUN: join(this.directory, 'run'),
    })
  }

  /** As an ordinary user with a home of their own, with subordinate ids or without. */
  async asUser(ids: 'subordinate' | 'single', ...args: readonly string[]): Promise<ConfinedResult> {
    const [home, etc] = this.#home(ids)
    // Where they can read it: a checkout in root's home is nobody else's.
    const readable = join(this.directory, 'gantry')
    mkdirSync(readable, { recursive: true })
    const binds = ['passwd', 'subuid', 'subgid'].map((name) => `mount --bind ${etc}/${name} /etc/${name}`)
    binds.push(`mount --rbind ${checkout} ${readable}`)
    const become = ['setpriv', `--reuid=${String(user)}`, `--regid=${String(user)}`, '--clear-groups']
    const script = `touch /etc/subuid /etc/subgid; ${binds.join(' && ')} && exec "$@"`
    return this.#run('unshare', ['-m', 'sh', '-c', script, 'sh', ...become, join(readable, 'gantry'), ...args], {
      HOME: home,
      XDG_RUNTIME_DIR: join(home, 'run'),
    })
  }

  /** As root of a container of this machine's files, with the capabilities and system calls that Docker leaves. */
  async inContainer(options: Partial<SpecOptions>, ...args: readonly string[]): Promise<ConfinedResult> {
    const host = await readHost()
    const scratch = mkdtempSync(join(this.directory, 'container-'))
    for (const name of ['upper', 'work', 'rootfs', 'bundle', 'run']) mkdirSync(join(scratch, name))
    const rootfs = join(scratch, 'rootfs')
    const layers = `lowerdir=/,upperdir=${scratch}/upper,workdir=${scratch}/work`
    await run('mount', ['-t', 'overlay', 'overlay', '-o', layers, rootfs])
    const state = openState(join(scratch, 'state.db'), [ledgerMigrations])
    try {
      const site = { root: scratch, run: join(scratch, 'run'), socket: '', instance: 'gantry-confined' }
      const runtime = createRuntime({ site, host, ledger: createLedger({ state }) })
      const id = `confined-${String(process.pid)}-${String(Date.now())}`
      const spec = defaultSpec({
        host,
        rootfs,
        args: [launcher, ...args],
        env: [`PATH=${path}`, 'HOME=/root', `GANTRY_ROOT=${scratch}/root`],
        network: 'host',
        cgroupsPath: `/gantry-confined/${id}`,
        // An overlay cannot have its upper directory on an overlay.
        mounts: [{ destination: this.directory, type: 'bind', source: this.directory, options: ['rbind'] }],
        ...options,
      })
      let output = ''
      const { exitCode } = await runtime.runOnce(
        { id, directory: join(scratch, 'bundle'), spec },
        { onOutput: ({ data }) => void (output += Buffer.from(data).toString()) },
      )
      return { code: exitCode, output }
    } finally {
      state[Symbol.dispose]()
      await run('umount', [rootfs])
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.directory, { recursive: true, force: true })
  }

  #home(ids: 'subordinate' | 'single'): readonly [string, string] {
    const home = join(this.directory, ids)
    const etc = join(this.directory, `${ids}-etc`)
    mkdirSync(join(home, 'run'), { recursive: true })
    for (const made of [home, join(home, 'run')]) chownSync(made, user, user)
    mkdirSync(etc, { recursive: true })
    const entry = `gantry-confined:x:${String(user)}:${String(user)}::${home}:/bin/sh\n`
    writeFileSync(join(etc, 'passwd'), readFileSync('/etc/passwd', 'utf8') + entry)
    const range = ids === 'single' ? '' : 'gantry-confined:700000:65536\n'
    for (const name of ['subuid', 'subgid']) writeFileSync(join(etc, name), range)
    return [home, etc]
  }

  async #run(program: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<ConfinedResult> {
    const { code, stdout, stderr } = await runStatus(program, args, { env: { PATH: path, ...env }, timeout: 120_000 })
    return { code: code ?? -1, output: stdout + stderr }
  }
}
