import type { LinuxSeccomp, LinuxSyscall } from '../spec/runtime-spec.ts'

/** What a filter does with a call: lets it through, or something else; of an error, its number. */
export interface SeccompAnswer {
  readonly allowed: boolean
  readonly action: string
  readonly errno?: number
}

const EPERM = 1
const words64 = 64

/**
 * What a filter answers to a system call with these arguments. As libseccomp builds filters, a rule that fits counts for more than the
 * default, and of several the one that lets the call through.
 * https://github.com/opencontainers/runtime-spec/blob/v1.1.0/config-linux.md#seccomp
 */
export function seccompAnswer(filter: LinuxSeccomp, call: string, args: readonly bigint[]): SeccompAnswer {
  const fitting = (filter.syscalls ?? []).filter((rule) => rule.names.includes(call) && fits(rule, args))
  const rule = fitting.find(({ action }) => isAllowing(action)) ?? fitting[0]
  const action = rule?.action ?? filter.defaultAction
  if (isAllowing(action)) return { allowed: true, action }
  const errno = rule === undefined ? filter.defaultErrnoRet : rule.errnoRet
  return { allowed: false, action, ...(action === 'SCMP_ACT_ERRNO' ? { errno: errno ?? EPERM } : {}) }
}

function isAllowing(action: string): boolean {
  return action === 'SCMP_ACT_ALLOW' || action === 'SCMP_ACT_LOG'
}

function fits({ args: tests = [] }: LinuxSyscall, args: readonly bigint[]): boolean {
  return tests.every(({ index, value, valueTwo = 0, op }) => {
    const actual = BigInt.asUintN(words64, args[index] ?? 0n)
    const wanted = BigInt.asUintN(words64, BigInt(value))
    switch (op) {
      case 'SCMP_CMP_NE':
        return actual !== wanted
      case 'SCMP_CMP_LT':
        return actual < wanted
      case 'SCMP_CMP_LE':
        return actual <= wanted
      case 'SCMP_CMP_EQ':
        return actual === wanted
      case 'SCMP_CMP_GE':
        return actual >= wanted
      case 'SCMP_CMP_GT':
        return actual > wanted
      case 'SCMP_CMP_MASKED_EQ':
        return (actual & wanted) === BigInt.asUintN(words64, BigInt(valueTwo))
      default:
        return false
    }
  })
}
