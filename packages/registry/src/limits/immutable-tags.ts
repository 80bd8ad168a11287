import type { TagGuard } from '../tag-guard.ts'
import { WireError } from '../wire-error.ts'
import type { ImmutableTags, LimitsConfig } from './limits-config.ts'

/** Whether a tag stays what it is once it is there. */
export function isImmutable({ immutable = [] }: LimitsConfig, repository: string, tag: string): boolean {
  return immutable.some((rule) => applies(rule, repository, tag))
}

/** Refuses to move or remove such tags, or a part of what they stand for. To push the same again changes nothing, and is let through. */
export function immutableGuard(config: LimitsConfig): TagGuard {
  return ({ repository, tag, before, after, part }) => {
    if (tag === undefined || before === undefined || before === after || !isImmutable(config, repository, tag)) return
    const moved = after === undefined ? 'it cannot be removed' : 'it cannot be moved to another manifest'
    const what = part === undefined ? moved : `${part} belongs to it`
    throw new WireError('DENIED', `the tag ${tag} of ${repository} is immutable: ${what}`, {
      detail: { repository, tag, digest: before },
    })
  }
}

function applies({ repositories, tags, except = [] }: ImmutableTags, repository: string, tag: string): boolean {
  return (
    repositories.some((pattern) => pattern.matches(repository)) &&
    tags.some((pattern) => pattern.matches(tag)) &&
    !except.some((pattern) => pattern.matches(tag))
  )
}
