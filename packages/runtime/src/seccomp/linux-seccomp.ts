import type { LinuxSeccomp, LinuxSyscall } from '../spec/runtime-spec.ts'
import type { SeccompFilter, SeccompProfile, SeccompRule } from './seccomp-profile.ts'

/** What decides which rules of a profile hold. */
export interface SeccompTarget {
  /** Go's name of the machine: amd64, arm64, … */
  readonly arch: string
  /** Kernel release, such as `6.1.0-18-amd64`. */
  readonly kernel: string
  /** False where the kernel takes no calls of the x32 ABI: a third of the work of making the filter is rules for it. Default: true. */
  readonly x32?: boolean
  /** The bounding capabilities of the container. */
  readonly capabilities: readonly string[]
}

const machines: Readonly<Record<string, string>> = {
  amd64: 'SCMP_ARCH_X86_64',
  arm64: 'SCMP_ARCH_AARCH64',
  s390x: 'SCMP_ARCH_S390X',
  riscv64: 'SCMP_ARCH_RISCV64',
  loong64: 'SCMP_ARCH_LOONGARCH64',
  mips64: 'SCMP_ARCH_MIPS64',
  mips64le: 'SCMP_ARCH_MIPSEL64',
}

const converted = new WeakMap<SeccompProfile, Map<string, LinuxSeccomp>>()

/**
 * Converts a profile to the form of the OCI runtime specification, keeping the rules that hold for the target. Conversions are
 * cached by target; callers must not change the value.
 * https://github.com/opencontainers/runtime-spec/blob/v1.1.0/config-linux.md#seccomp
 */
export function linuxSeccomp(profile: SeccompProfile, target: SeccompTarget): LinuxSeccomp {
  let cache = converted.get(profile)
  if (cache === undefined) converted.set(profile, (cache = new Map()))
  const key = `${target.arch} ${target.kernel} ${String(target.x32 ?? true)} ${target.capabilities.join(',')}`
  let value = cache.get(key)
  if (value === undefined) cache.set(key, (value = convert(profile, target)))
  return value
}

function convert(profile: SeccompProfile, target: SeccompTarget): LinuxSeccomp {
  const native = profile.archMap.find((entry) => entry.architecture === machines[target.arch])
  const seccomp: LinuxSeccomp = {
    defaultAction: profile.defaultAction,
    ...(profile.defaultErrnoRet === undefined ? {} : { defaultErrnoRet: profile.defaultErrnoRet }),
    ...(profile.architectures !== undefined ? { architectures: profile.architectures } : {}),
    ...(native === undefined ? {} : { architectures: architecturesOf(native, target) }),
    syscalls: profile.rules.filter((rule) => holds(rule, target)).map(toSyscall),
  }
  return seccomp
}

function architecturesOf(
  { architecture, subArchitectures }: SeccompProfile['archMap'][number],
  { x32 = true }: SeccompTarget,
): readonly string[] {
  return [architecture, ...subArchitectures].filter((each) => x32 || each !== 'SCMP_ARCH_X32')
}

function holds(rule: SeccompRule, target: SeccompTarget): boolean {
  return !isExcluded(rule.excludes, target) && isIncluded(rule.includes, target)
}

function isExcluded(filter: SeccompFilter | undefined, target: SeccompTarget): boolean {
  if (filter === undefined) return false
  if (filter.arches?.includes(target.arch) === true) return true
  if (filter.caps?.some((cap) => target.capabilities.includes(cap)) === true) return true
  return filter.minKernel !== undefined && isKernelAtLeast(target.kernel, filter.minKernel)
}

function isIncluded(filter: SeccompFilter | undefined, target: SeccompTarget): boolean {
  if (filter === undefined) return true
  if (filter.arches !== undefined && !filter.arches.includes(target.arch)) return false
  if (filter.caps !== undefined && !filter.caps.every((cap) => target.capabilities.includes(cap))) return false
  return filter.minKernel === undefined || isKernelAtLeast(target.kernel, filter.minKernel)
}

function isKernelAtLeast(release: string, wanted: string): boolean {
  const [major = 0, minor = 0] = release.split(/[.-]/).map(Number)
  const [wantedMajor = 0, wantedMinor = 0] = wanted.split('.').map(Number)
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)
}

function toSyscall(rule: SeccompRule): LinuxSyscall {
  return {
    names: rule.names,
    action: rule.action ?? 'SCMP_ACT_ALLOW',
    ...(rule.errnoRet === undefined ? {} : { errnoRet: rule.errnoRet }),
    ...(rule.args === undefined ? {} : { args: rule.args }),
  }
}
