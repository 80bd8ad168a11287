import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDigest } from '@gantry/oci'
import type { RetentionPlan } from '@gantry/registry'
import { describeRetention } from './describe-retention.ts'

const day = 86_400_000
const at = 1000 * day
const digest = parseDigest(`sha256:${'ab'.repeat(32)}`)

test('retention says of every tag why it goes', () => {
  const tag = (name: string, pushed: number): { tag: string; digest: typeof digest; pushed: number } => ({
    tag: name,
    digest,
    pushed,
  })
  const plan: RetentionPlan = {
    at,
    repositories: [
      {
        repository: 'team/app',
        tags: [
          { ...tag('old', at - 40 * day), why: { kind: 'rules', failed: [] } },
          {
            ...tag('v1', at - 3 * day),
            why: {
              kind: 'rules',
              failed: [
                { tags: ['v*', 'w*'], newest: 20, rank: 21 },
                { tags: ['**'], pulledWithin: 30 * day, pushedWithin: 90_000, rank: 25 },
              ],
            },
          },
          {
            ...tag('v2', at - 2 * day),
            why: { kind: 'rules', pulled: at - 50 * day, failed: [{ tags: ['**'], pulledWithin: 5_400_000, rank: 1 }] },
          },
          { ...tag('sha256-ab.sig', at - day), why: { kind: 'attached', to: digest } },
        ],
        manifests: [{ digest, mediaType: 'x', size: 1, added: 1 }],
        kept: { tags: 7, manifests: 9 },
      },
      { repository: 'untagged', tags: [], manifests: [], kept: { tags: 0, manifests: 1 } },
    ],
    tags: 4,
    manifests: 1,
    blobs: 0,
    bytes: 0,
  }
  assert.equal(
    describeRetention(plan),
    `team/app: 4 tags and 1 manifests go, 7 and 9 stay
  TAG             DIGEST         PUSHED         WHY
  old             abababababab   5 weeks ago    no rule is about it
  v1              abababababab   3 days ago     v* w*: not of the newest 20 but number 21; **: not pushed within 90s, not pulled within 30d (never pulled)
  v2              abababababab   2 days ago     **: not pulled within 90m (pulled 7 weeks ago)
  sha256-ab.sig   abababababab   24 hours ago   it is about abababababab, which goes
untagged: 0 tags and 0 manifests go, 0 and 1 stay
`,
  )
})
