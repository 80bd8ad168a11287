import type { TagGuard } from '../tag-guard.ts'
import { WireError } from '../wire-error.ts'
import type { ImmutableTags, LimitsConfig } from './limits-config.ts'

/** Whether a tag stays what it is once it is there. */
export function isImmutable({ immutable = [] }: LimitsConfig, repository: string, tag: string): boolean {
  return immutable.some((rule) => applies(rule, repository, tag))
}

/** Refuses to move or remove such tags. To push the same again changes nothing, and is let through. */
export function immutableGuard(config: LimitsConfig): TagGuard {
  return ({ repository, tag, before, after }) => {
    if (tag === undefined || before === undefined || before === after || !isImmutable(config, repository, tag)) return
    const what = after === undefined ? 'removed' : 'moved to another manifest'
    throw new WireError('DENIED', `the tag ${tag} of ${repository} is immutable: it cannot be ${what}`, {
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
