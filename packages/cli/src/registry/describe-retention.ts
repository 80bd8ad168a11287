import type { FailedRule, GoingTag, RetentionPlan } from '@gantry/registry'
import { humanAge } from '../format/human-duration.ts'
import { shortId } from '../format/short-id.ts'
import { tabulate } from '../format/tabulate.ts'

/** Says what goes by the rules of retention: for each repository its tags, when they were pushed, and why they go. */
export function describeRetention({ at, repositories }: RetentionPlan): string {
  return repositories
    .map(({ repository, tags, manifests, kept }) => {
      const rows = tags.map((tag) => [tag.tag, shortId(tag.digest), humanAge(tag.pushed, at), why(tag, at)])
      const table = rows.length === 0 ? '' : `${indent(tabulate([['TAG', 'DIGEST', 'PUSHED', 'WHY'], ...rows]))}\n`
      return `${repository}: ${tags.length} tags and ${manifests.length} manifests go, ${kept.tags} and ${kept.manifests} stay\n${table}`
    })
    .join('')
}

function why({ why: reason }: GoingTag, at: number): string {
  if (reason.kind === 'attached') return `it is about ${shortId(reason.to)}, which goes`
  if (reason.failed.length === 0) return 'no rule is about it'
  const pulled = reason.pulled === undefined ? 'never pulled' : `pulled ${humanAge(reason.pulled, at)}`
  return reason.failed.map((rule) => `${rule.tags.join(' ')}: ${conditions(rule, pulled)}`).join('; ')
}

function conditions({ rank, newest, pushedWithin, pulledWithin }: FailedRule, pulled: string): string {
  return [
    newest === undefined ? [] : [`not of the newest ${newest} but number ${rank}`],
    pushedWithin === undefined ? [] : [`not pushed within ${period(pushedWithin)}`],
    pulledWithin === undefined ? [] : [`not pulled within ${period(pulledWithin)} (${pulled})`],
  ]
    .flat()
    .join(', ')
}

/** As configurations say it. */
function period(milliseconds: number): string {
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
  ] as const
  const [unit, size] = units.find(([, each]) => milliseconds % each === 0) ?? ['s', 1000]
  return `${milliseconds / size}${unit}`
}

function indent(text: string): string {
  return text.trimEnd().replaceAll(/^/gm, '  ')
}
