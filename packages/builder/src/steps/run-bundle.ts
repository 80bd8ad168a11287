import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { proxyArgs } from '@gantry/dockerfile'
import {
  type Bundle,
  type ContainerDevices,
  defaultSpec,
  mergeEnv,
  type MountSpec,
  type ResolvedUser,
  type SpecOptions,
  withHome,
} from '@gantry/runtime'
import type { BuildSession } from '../build-session.ts'
import { scriptDirectory } from '../plan/plan-run-step.ts'
import type { RunStep } from '../plan/planned-step.ts'
import type { StepEgress } from '../egress/step-egress.ts'
import type { RunMounts } from './run-mounts.ts'

/** The host name inside RUN; programs write it into files, and it is the one that `docker build` has. */
const hostname = 'buildkitsandbox'

/** Variables that name a file of certificates to trust. */
const trustVariables = [
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_FILE',
  'CURL_CA_BUNDLE',
  'REQUESTS_CA_BUNDLE',
  'PIP_CERT',
  'GIT_SSL_CAINFO',
]

/** What the container of one RUN is made of. */
export interface RunBundleOptions {
  readonly id: string
  readonly directory: string
  readonly rootfs: string
  readonly step: RunStep
  readonly user: ResolvedUser
  readonly mounts: Pick<RunMounts, 'specs' | 'env'>
  readonly devices: ContainerDevices
  /** The network it has instead of the host's or none. */
  readonly egress: Pick<StepEgress, 'path' | 'nameserver'> | undefined
}

/** Writes the files of a RUN's container and returns its bundle: Docker's defaults, and the host's network or none. */
export function runBundle(session: BuildSession, options: RunBundleOptions): Bundle {
  const { id, directory, rootfs, step, user, devices, egress } = options
  const own = options.mounts
  const { host, site } = session.ports
  const put = (name: string, content: string, mode = 0o644): string => {
    const path = join(directory, name)
    writeFileSync(path, content, { mode })
    return path
  }
  const files = {
    resolvConf: put('resolv.conf', egress === undefined ? ownResolvers() : `nameserver ${egress.nameserver}\n`),
    hosts: put(
      'hosts',
      `127.0.0.1\tlocalhost ${hostname}\n::1\tlocalhost ip6-localhost ip6-loopback\n${extraHosts(session)}`,
    ),
  }
  const trust = trusted(session)
  const mounts = [
    ...trust.mounts,
    ...(step.script === undefined
      ? []
      : [readOnly(put('script', step.script.content, 0o755), `${scriptDirectory}/${step.script.name}`)]),
    ...own.specs,
    ...devices.mounts,
  ]
  const spec = defaultSpec({
    host,
    rootfs,
    args: step.args,
    env: withHome(mergeEnv([...proxies(session), ...trust.env], [...step.env, ...own.env, ...devices.env]), user.home),
    cwd: step.cwd,
    user: { uid: user.uid, gid: user.gid, additionalGids: [...user.additionalGids, ...devices.additionalGids] },
    hostname,
    network: egress ?? (step.network === 'none' ? 'private' : 'host'),
    files,
    mounts,
    ...(step.insecure ? { privileged: true } : {}),
    ...(devices.nodes.length === 0 ? {} : { devices: devices.nodes, deviceRules: devices.rules }),
    ...limitsOf(session),
    cgroupsPath: `/${site.instance}/${id}`,
  })
  return { id, directory, spec }
}

function limitsOf(session: BuildSession): Pick<SpecOptions, 'limits' | 'shmSize' | 'rlimits'> {
  const { shmSize, ulimits = [], ...limits } = session.options.limits ?? {}
  return {
    limits,
    ...(shmSize === undefined ? {} : { shmSize }),
    ...(ulimits.length === 0
      ? {}
      : { rlimits: ulimits.map(({ name, soft, hard }) => ({ type: `RLIMIT_${name.toUpperCase()}`, soft, hard })) }),
  }
}

function ownResolvers(): string {
  return existsSync('/etc/resolv.conf') ? readFileSync('/etc/resolv.conf', 'utf8') : ''
}

function extraHosts(session: BuildSession): string {
  const lines = Object.entries(session.options.addHosts).map(([name, address]) => `${address}\t${name}\n`)
  return lines.join('')
}

/** Proxies of the build arguments, and of the caller where those say nothing. They reach programs and nothing else. */
function proxies(session: BuildSession): string[] {
  const { buildArgs, environment } = session.options
  return [...proxyArgs].flatMap((name) => {
    const value = buildArgs.get(name) ?? environment[name]
    return value === undefined || value === '' ? [] : [`${name}=${value}`]
  })
}

/** Certificates that the caller trusts, under a directory of /dev, which is a file system of its own and leaves nothing behind. */
function trusted(session: BuildSession): { readonly env: string[]; readonly mounts: MountSpec[] } {
  const { environment } = session.options
  const env: string[] = []
  const mounts: MountSpec[] = []
  for (const [index, name] of trustVariables.entries()) {
    const path = environment[name]
    if (path === undefined || !path.startsWith('/') || !existsSync(path)) continue
    const inside = `/dev/gantry/trust/${index}.crt`
    mounts.push(readOnly(path, inside))
    env.push(`${name}=${inside}`)
  }
  return { env, mounts }
}

function readOnly(source: string, destination: string): MountSpec {
  return { destination, type: 'bind', source, options: ['rbind', 'ro', 'rprivate'] }
}
