import type { Refusal, RefusedPath } from '@gantry/linux'
import {
  capabilitiesOf,
  dockerProfile,
  linuxSeccomp,
  parseSeccompProfile,
  seccompAnswer,
  type RuntimeSpec,
  type SeccompProfile,
  type SeccompTarget,
} from '@gantry/runtime'
import type { ContainerSpec } from '../container/spec.ts'
import { insideRefusal, strangerOf } from './mapped-refusal.ts'
import { fileVerdict } from './file-verdict.ts'
import { neededCapability } from './needed-capability.ts'
import type { Remedy } from './remedy.ts'

/** Which of a container's walls a call ran into. */
export type RefusedBy =
  | 'seccomp'
  | 'capability'
  | 'read-only'
  | 'masked-path'
  | 'device'
  | 'file-permission'
  | 'mount-option'
  | 'no-new-privileges'
  | 'user-namespace'
  | 'apparmor'
  | 'kernel'

/** Why a call was refused, and what would let it through. */
export interface Verdict {
  readonly by: RefusedBy
  /** One sentence for people, without full stop. */
  readonly because: string
  /** The least that helps comes first. Empty where no flag does. */
  readonly remedies: readonly Remedy[]
}

/** What a container is made with. */
export interface JudgedContainer {
  readonly spec: ContainerSpec
  readonly runtime: RuntimeSpec
  readonly arch: string
  readonly kernel: string
}

const numbers = { EPERM: 1, EACCES: 13, EROFS: 30, ENOSYS: 38 } as const

/** Judges a refusal by what the container is made with and what was seen of the process. Pure. Undefined for what programs expect and
 * work around: a call that the filter says is not there. */
export function judge(refused: Refusal, container: JudgedContainer): Verdict | undefined {
  const refusal = insideRefusal(refused, container.spec.users)
  const { call, error, args } = refusal
  const filter = container.runtime.linux.seccomp
  const answer = filter === undefined ? undefined : seccompAnswer(filter, call, args)
  if (answer?.allowed === false && answer.errno === numbers[error])
    return error === 'ENOSYS' ? undefined : bySeccomp(refusal, container)
  if (error === 'ENOSYS')
    return { by: 'kernel', because: `this kernel (${container.kernel}) has no ${call}`, remedies: [] }
  const stranger = strangerOf(refused, container.spec.users)
  return fileVerdict(refusal, container) ?? byPrivilege(refusal, stranger)
}

/** Whether a call is refused by the filter of a container. */
function bySeccomp({ call, args, process }: Refusal, { spec, runtime, arch, kernel }: JudgedContainer): Verdict {
  const own = typeof spec.security.seccomp !== 'string'
  const profile = own ? parseSeccompProfile((spec.security.seccomp as { profile: string }).profile) : dockerProfile
  const has = runtime.process.capabilities?.bounding ?? []
  const target: SeccompTarget = { arch, kernel, capabilities: has }
  const opening = capabilityThatOpens(profile, target, {
    call,
    args,
    needed: neededCapability(asRefused(call, args, process)),
  })
  const name = own ? "the container's own seccomp profile" : 'the default seccomp profile'
  if (opening !== undefined)
    return {
      by: 'seccomp',
      because: `${name} lets ${call} through only with ${opening}, which the container lacks`,
      remedies: [{ kind: 'capability', name: opening }],
    }
  return {
    by: 'seccomp',
    because: `${name} does not let ${call} through${isAlways(profile, call) ? ' with these arguments' : ''}`,
    remedies: [{ kind: 'seccomp', calls: [call], profile: profileAllowing(profile, call) }],
  }
}

function asRefused(call: string, args: readonly bigint[], process: Refusal['process']): Refusal {
  return { call, error: 'EPERM', args, process, paths: [] }
}

/** The narrowest capability with which a profile lets a call through. */
function capabilityThatOpens(
  profile: SeccompProfile,
  target: SeccompTarget,
  { call, args, needed }: { call: string; args: readonly bigint[]; needed: string | undefined },
): string | undefined {
  const named = profile.rules
    .filter(({ names }) => names.includes(call))
    .flatMap(({ includes }) => includes?.caps ?? [])
  const lifted = profile.rules
    .filter(({ names }) => names.includes(call))
    .flatMap(({ excludes }) => excludes?.caps ?? [])
  // The one that the call needs anyway, then those that stand for less than all of administration.
  const order = (name: string): number => (name === needed ? 0 : name === 'CAP_SYS_ADMIN' ? 2 : 1)
  return [...new Set([...named, ...lifted])]
    .toSorted((a, b) => order(a) - order(b))
    .find(
      (name) =>
        seccompAnswer(linuxSeccomp(profile, { ...target, capabilities: [...target.capabilities, name] }), call, args)
          .allowed,
    )
}

function isAlways(profile: SeccompProfile, call: string): boolean {
  return profile.rules.some(({ names, args }) => names.includes(call) && args !== undefined)
}

/** A profile in Docker's form that lets one more call through. */
function profileAllowing({ rules, ...rest }: SeccompProfile, call: string): string {
  const more = { names: [call], action: 'SCMP_ACT_ALLOW' }
  const syscalls = rules.map((rule) => ({ ...rule, action: rule.action ?? 'SCMP_ACT_ALLOW' }))
  return JSON.stringify({ ...rest, syscalls: [...syscalls, more] })
}

function byPrivilege(refusal: Refusal, stranger: string | undefined): Verdict {
  const { call, process, paths } = refusal
  const needed = neededCapability(refusal)
  const has = capabilitiesOf(process.effective)
  if (needed !== undefined && !has.includes(needed)) {
    if (process.noNewPrivileges && process.setId)
      return {
        by: 'no-new-privileges',
        because: `${process.name} is a set-user-ID program, which gains nothing here: the container was told to give no new privileges`,
        remedies: [{ kind: 'new-privileges' }],
      }
    const who = process.uid === 0 ? 'root in this container' : `user ${String(process.uid)}`
    const asRoot: Remedy[] = process.uid === 0 ? [] : [{ kind: 'user', user: 'root' }]
    return {
      by: 'capability',
      because: `${call} ${aboutPath(paths[0])}needs ${needed}, which ${who} lacks`,
      remedies: [...asRoot, { kind: 'capability', name: needed }],
    }
  }
  if (needed !== undefined && process.ownUsers)
    return {
      by: 'user-namespace',
      because:
        stranger === undefined
          ? `${call} needs ${needed} over the host, and the container has it over its own user namespace only`
          : `${stranger}, whom the container's user namespace does not map: its ${needed} is none over what is theirs`,
      remedies: [{ kind: 'host-users' }],
    }
  if (process.apparmor !== undefined)
    return {
      by: 'apparmor',
      because: `nothing else stands in its way, and the AppArmor profile ${process.apparmor} binds the process`,
      remedies: [{ kind: 'apparmor' }],
    }
  return {
    by: 'kernel',
    because: `the kernel refuses ${call} ${aboutPath(paths[0])}to this process for a reason that no flag of a container changes, as far as is known`,
    remedies: [],
  }
}

function aboutPath(path: RefusedPath | undefined): string {
  return path === undefined ? '' : `of ${path.path} `
}
