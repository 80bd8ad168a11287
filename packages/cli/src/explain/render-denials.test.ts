import assert from 'node:assert/strict'
import { test } from 'node:test'
import { renderComparison } from './render-comparison.ts'
import { renderDenials } from './render-denials.ts'

test('renderDenials says what refused a call, what would allow it, and what that came to', () => {
  const text = renderDenials(
    {
      id: 'ab'.repeat(32),
      name: 'web',
      command: ['chown', '7', '/f'],
      exitCode: 1,
      timedOut: false,
      output: 'chown: /f: Operation not permitted\n',
      refusals: [
        {
          call: 'chown',
          error: 'EPERM',
          program: 'chown',
          user: 0,
          paths: ['/f'],
          refusedBy: 'capability',
          because: 'chown of /f needs CAP_CHOWN, which root in this container lacks',
          flags: ['--cap-add CHOWN'],
        },
      ],
      proof: { flags: ['--cap-add CHOWN'], exitCode: 0, helped: true, output: '' },
      untried: [],
    },
    100,
  )
  assert.equal(
    text,
    `"chown 7 /f" in a copy of web ended with 1:
    chown: /f: Operation not permitted

  1.  chown /f: EPERM (chown, user 0)
      refused by  a missing capability: chown of /f needs CAP_CHOWN, which root in this container
                  lacks
      allow with  --cap-add CHOWN

Proved: with --cap-add CHOWN it ends with 0.
`,
  )
})

test('renderComparison shows both values under each name', () => {
  const first = { id: '1', name: 'a' }
  const second = { id: '2', name: 'second' }
  assert.equal(
    renderComparison({ first, second, differences: [{ section: 'limits', name: 'memory', first: '1' }] }, 80),
    '== limits\n  memory\n    a       1\n    second  (nothing)\n',
  )
  assert.equal(
    renderComparison({ first, second, differences: [] }, 80),
    'a and second differ in nothing but their names, ids and addresses.\n',
  )
})
