import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { defaultCapabilities } from '../spec/capabilities.ts'
import { dockerProfile } from './docker-profile.ts'
import { linuxSeccomp } from './linux-seccomp.ts'
import { seccompAnswer } from './seccomp-answer.ts'

const filter = (...more: string[]): ReturnType<typeof linuxSeccomp> =>
  linuxSeccomp(dockerProfile, { arch: 'amd64', kernel: '6.1.0', capabilities: [...defaultCapabilities, ...more] })

describe('seccompAnswer', () => {
  const rows: readonly [what: string, call: string, args: bigint[], more: string[], errno: number | undefined][] = [
    ['a call of everyday', 'read', [], [], undefined],
    ['mount', 'mount', [], [], 1],
    ['mount of who may', 'mount', [], ['CAP_SYS_ADMIN'], undefined],
    ['clone of a process', 'clone', [17n], [], undefined],
    ['clone of a user namespace', 'clone', [0x10000000n], [], 1],
    ['clone3, as if the kernel lacked it', 'clone3', [], [], 38],
    ['a socket of AF_ALG', 'socket', [38n], [], 1],
    ['a socket of AF_INET', 'socket', [2n], [], undefined],
    ['keyctl, whatever one may', 'keyctl', [], ['CAP_SYS_ADMIN'], 1],
    ['personality of old programs', 'personality', [8n], [], undefined],
    ['personality without random addresses', 'personality', [0x40000n], [], 1],
  ]
  for (const [what, call, args, more, errno] of rows) {
    test(`${what} ${errno === undefined ? 'passes' : `fails with ${errno}`}`, () => {
      const answer = seccompAnswer(filter(...more), call, args)
      assert.deepEqual([answer.allowed, answer.errno], [errno === undefined, errno])
    })
  }
})
