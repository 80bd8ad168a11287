import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorsOf } from './criu-log.ts'

test('the reason in a log of CRIU is its last errors, each once', () => {
  const log = [
    '(00.173181) Error (criu/util.c:1534): rlimit: Cannot setup RLIMIT_NOFILE for self: Operation not permitted',
    '(00.238243) 13431 fdinfo 1: pos: 0x8',
    "(00.238253) Error (criu/files-reg.c:1790): Can't lookup mount=27 for fd=1 path=/log",
    'Error (criu/cr-dump.c:1545): Dump files (pid: 13431) failed with -1',
    '(00.351311) Error (criu/cr-dump.c:1975): Dumping FAILED.',
    '(00.351311) Error (criu/cr-dump.c:1975): Dumping FAILED.',
  ]
  assert.equal(
    errorsOf(log.join('\n')),
    "Can't lookup mount=27 for fd=1 path=/log; Dump files (pid: 13431) failed with -1; Dumping FAILED.",
  )
  assert.equal(errorsOf('Looks good.\n'), 'it gave no reason')
})
