import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { linuxSeccomp } from './linux-seccomp.ts'
import { parseSeccompProfile } from './parse-profile.ts'

const target = { arch: 'amd64', kernel: '6.1.0', capabilities: ['CAP_CHOWN'] }

describe('a seccomp profile of the user', () => {
  test("is read in Docker's form", () => {
    const profile = parseSeccompProfile(
      JSON.stringify({
        defaultAction: 'SCMP_ACT_ERRNO',
        defaultErrnoRet: 38,
        archMap: [{ architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86'] }],
        syscalls: [
          { names: ['read', 'write'], action: 'SCMP_ACT_ALLOW' },
          { name: 'mount', names: [], action: 'SCMP_ACT_ALLOW', includes: { caps: ['CAP_SYS_ADMIN'] } },
          { names: ['chown'], action: 'SCMP_ACT_ALLOW', args: null, comment: '', includes: {}, excludes: {} },
          {
            names: ['personality'],
            action: 'SCMP_ACT_ALLOW',
            args: [{ index: 0, value: 4294967295, op: 'SCMP_CMP_EQ' }],
            excludes: { arches: ['s390x'], minKernel: '9.0' },
          },
        ],
      }),
    )
    assert.deepEqual(linuxSeccomp(profile, target), {
      defaultAction: 'SCMP_ACT_ERRNO',
      defaultErrnoRet: 38,
      architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
      syscalls: [
        { names: ['read', 'write'], action: 'SCMP_ACT_ALLOW' },
        { names: ['chown'], action: 'SCMP_ACT_ALLOW' },
        {
          names: ['personality'],
          action: 'SCMP_ACT_ALLOW',
          args: [{ index: 0, value: 4294967295, op: 'SCMP_CMP_EQ' }],
        },
      ],
    })
  })

  test('is read with a plain list of architectures, or with none', () => {
    const read = (more: object): unknown =>
      linuxSeccomp(parseSeccompProfile(JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', ...more })), target)
    assert.deepEqual(read({ architectures: ['SCMP_ARCH_X86'] }), {
      defaultAction: 'SCMP_ACT_ALLOW',
      architectures: ['SCMP_ARCH_X86'],
      syscalls: [],
    })
    assert.deepEqual(read({}), { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [] })
  })

  const refused: readonly (readonly [what: string, text: string, expected: RegExp])[] = [
    ['no JSON', '{', /not JSON/],
    ['a list', '[]', /the profile is not/],
    ['no default action', '{}', /defaultAction/],
    ['an unknown action', '{"defaultAction":"ALLOW"}', /defaultAction/],
    [
      'a rule without names',
      '{"defaultAction":"SCMP_ACT_LOG","syscalls":[{"action":"SCMP_ACT_LOG"}]}',
      /syscalls\[0\].names/,
    ],
    [
      'a rule without an action',
      '{"defaultAction":"SCMP_ACT_LOG","syscalls":[{"names":["read"]}]}',
      /syscalls\[0\].action/,
    ],
    [
      'a comparison that there is not',
      '{"defaultAction":"SCMP_ACT_LOG","syscalls":[{"names":["read"],"action":"SCMP_ACT_LOG","args":[{"index":0,"value":1,"op":"<"}]}]}',
      /args\[0\].op/,
    ],
    [
      'both forms of architectures',
      '{"defaultAction":"SCMP_ACT_LOG","architectures":[],"archMap":[{"architecture":"x"}]}',
      /archMap/,
    ],
  ]
  for (const [what, text, expected] of refused) {
    test(`is refused: ${what}`, () => {
      assert.throws(() => parseSeccompProfile(text), { code: 'SPEC_INVALID', message: expected })
    })
  }
})
