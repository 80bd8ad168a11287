import type { IdRange } from '@gantry/linux'
import { usualSize, type AutoRequest, type IdMaps } from './auto-users.ts'
import { gapsBelow, idLimit, invalid, lay, parseIdRanges } from './id-ranges.ts'
import type { SubordinateIds, SubordinateRange } from './subordinate-ids.ts'

/** A user namespace as it is asked for, in Podman's words. */
export interface UsersRequest {
  /** `host`, `auto`, `keep-id`, with options after a colon; empty with maps. */
  readonly mode: string
  readonly uidMap?: readonly string[]
  readonly gidMap?: readonly string[]
  /** Whose lines of /etc/subuid and /etc/subgid are the map. */
  readonly subuidName?: string
  readonly subgidName?: string
  /** Who asks, for `keep-id`. Default: root. */
  readonly caller?: { readonly uid: number; readonly gid: number }
}

/** What a container gets: maps that are known, or some that have to be found free. */
export type UsersPlan =
  | { readonly kind: 'maps'; readonly maps: IdMaps; readonly user?: { readonly uid: number; readonly gid: number } }
  | { readonly kind: 'auto'; readonly request: AutoRequest }

/**
 * Reads what is asked for; undefined for the host's own users. Pure.
 * @throws EngineError SPEC_INVALID
 */
export function parseUsers(request: UsersRequest, subordinate: SubordinateIds): UsersPlan | undefined {
  const colon = request.mode.indexOf(':')
  const mode = colon < 0 ? request.mode : request.mode.slice(0, colon)
  const options = colon < 0 ? [] : request.mode.slice(colon + 1).split(',')
  const { uidMap = [], gidMap = [], subuidName = '', subgidName = '' } = request
  const named = subuidName !== '' || subgidName !== ''
  const mapped = uidMap.length > 0 || gidMap.length > 0
  if (named && mapped)
    throw invalid('--subuidname and --subgidname conflict with --uidmap and --gidmap: one of both is the map')
  // What inspect says of a container, given back: what was asked for, and what it came to.
  if (mapped && !named && (mode === 'auto' || mode === 'keep-id')) {
    const plan = parseUsers({ ...request, uidMap: [], gidMap: [] }, subordinate)
    if (plan !== undefined && isOutcome(plan, explicit(uidMap, gidMap))) return plan
  }
  if ((named || mapped) && !['', 'private'].includes(mode))
    throw invalid(`--userns=${mode} conflicts with a map of its own (--uidmap, --gidmap, --subuidname, --subgidname)`)
  if (options.length > 0 && !['auto', 'keep-id', 'ns', 'container'].includes(mode))
    throw invalid(`--userns: "${mode}" takes no options`)
  switch (mode) {
    case '':
    case 'private':
      if (named) return { kind: 'maps', maps: ofNames(subuidName, subgidName, subordinate) }
      if (mapped) return { kind: 'maps', maps: explicit(uidMap, gidMap) }
      if (mode === '') return undefined
      throw invalid('--userns=private needs a map', 'add --uidmap, or say --userns=auto')
    case 'host':
      return undefined
    case 'auto':
      return { kind: 'auto', request: autoRequest(options) }
    case 'keep-id':
      return keepId(options, request.caller ?? { uid: 0, gid: 0 }, subordinate)
    case 'nomap':
      throw invalid(
        '--userns=nomap is for containers of ordinary users: the user root cannot be left out of a map here',
        'say --userns=auto',
      )
    case 'ns':
    case 'container':
      throw invalid(
        `--userns=${mode}: joining the user namespace of others is not supported`,
        'give both containers the same map (--uidmap): they then have the same users',
      )
    default:
      throw invalid(`--userns: invalid mode "${mode}" (host, auto, keep-id and private are known)`)
  }
}

/** Whether maps are what a plan comes to. With `auto` they have the same ids inside; those outside are found anew, since the container
 * that had them may still be there. */
function isOutcome(plan: UsersPlan, { uids, gids }: IdMaps): boolean {
  if (plan.kind === 'maps') return isSame(plan.maps.uids, uids) && isSame(plan.maps.gids, gids)
  const { size, uids: ownUids, gids: ownGids } = plan.request
  return isLaid(size, ownUids, uids) && isLaid(size, ownGids, gids)
}

/** Whether ranges have so many ids inside, and those that were asked for. */
function isLaid(size: number, asked: readonly IdRange[], ranges: readonly IdRange[]): boolean {
  const wasAsked = (range: IdRange): boolean => asked.some((each) => isSame([each], [range]))
  return (
    ranges.filter(wasAsked).length === asked.length &&
    gapsBelow(size, ranges).length === 0 &&
    ranges.every((range) => range.inside + range.size <= size || wasAsked(range))
  )
}

function isSame(one: readonly IdRange[], other: readonly IdRange[]): boolean {
  const text = (ranges: readonly IdRange[]): string =>
    ranges.map(({ inside, outside, size }) => `${inside}:${outside}:${size}`).join()
  return text(one) === text(other)
}

function explicit(uidMap: readonly string[], gidMap: readonly string[]): IdMaps {
  const uids = parseIdRanges(uidMap.length > 0 ? uidMap : gidMap, uidMap.length > 0 ? '--uidmap' : '--gidmap')
  return withRoot({ uids, gids: gidMap.length > 0 && uidMap.length > 0 ? parseIdRanges(gidMap, '--gidmap') : uids })
}

function ofNames(uidName: string, gidName: string, { uids, gids }: SubordinateIds): IdMaps {
  const named = (lines: readonly SubordinateRange[], name: string, file: string): readonly IdRange[] => {
    const own = lines.filter((line) => line.name === name)
    if (own.length === 0) throw invalid(`"${name}" has no line in ${file}`)
    return lay([{ start: 0, size: idLimit }], own)
  }
  return {
    uids: named(uids, uidName || gidName, '/etc/subuid'),
    gids: named(gids, gidName || uidName, '/etc/subgid'),
  }
}

function autoRequest(options: readonly string[]): AutoRequest {
  let size: number | undefined
  const maps = { uids: [] as string[], gids: [] as string[] }
  for (const option of options) {
    const [name, value = ''] = split(option)
    if (name === 'size') size = numberOf(option, value)
    else if (name === 'uidmapping') maps.uids.push(value)
    else if (name === 'gidmapping') maps.gids.push(value)
    else throw invalid(`--userns=auto: "${option}" is no option of it (size, uidmapping and gidmapping are)`)
  }
  if (size === 0) throw invalid('--userns=auto: a container needs at least one id')
  const uids = parseIdRanges(maps.uids, '--userns=auto:uidmapping')
  const gids = parseIdRanges(maps.gids, '--userns=auto:gidmapping')
  return { size: size ?? usualSize, uids, gids }
}

/** The caller keeps its ids, and the others inside are its subordinate ones. Root keeps all that there are, as with Podman. */
function keepId(
  options: readonly string[],
  caller: { readonly uid: number; readonly gid: number },
  subordinate: SubordinateIds,
): UsersPlan {
  const asked: { uid?: number; gid?: number; size?: number } = {}
  for (const option of options) {
    const [name, value = ''] = split(option)
    if (name !== 'uid' && name !== 'gid' && name !== 'size')
      throw invalid(`--userns=keep-id: "${option}" is no option of it (uid, gid and size are)`)
    asked[name] = numberOf(option, value)
  }
  const user = { uid: asked.uid ?? caller.uid, gid: asked.gid ?? caller.gid }
  if (caller.uid === 0) {
    const all = [{ inside: 0, outside: 0, size: idLimit }]
    return { kind: 'maps', maps: { uids: all, gids: all }, user }
  }
  const name = subordinate.nameOf(caller.uid) ?? String(caller.uid)
  const map = (
    inside: number,
    outside: number,
    lines: readonly SubordinateRange[],
    file: string,
  ): readonly IdRange[] => {
    const own = lines.filter((line) => line.name === name || line.name === String(caller.uid))
    if (own.length === 0)
      throw invalid(
        `--userns=keep-id: user "${name}" has no subordinate ids in ${file} for the other users of the container`,
        `usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${name}`,
      )
    const kept = [{ inside, outside, size: 1 }]
    return [...kept, ...lay(gapsBelow(asked.size ?? idLimit, kept), own)]
  }
  return {
    kind: 'maps',
    maps: withRoot({
      uids: map(user.uid, caller.uid, subordinate.uids, '/etc/subuid'),
      gids: map(user.gid, caller.gid, subordinate.gids, '/etc/subgid'),
    }),
    user,
  }
}

/** The runtime sets a container up as its root. */
function withRoot(maps: IdMaps): IdMaps {
  for (const [what, ranges] of [
    ['user', maps.uids],
    ['group', maps.gids],
  ] as const)
    if (!ranges.some(({ inside }) => inside === 0))
      throw invalid(`The map has no ${what} 0: the runtime sets the container up as its root`, 'add 0:ID:1 to the map')
  return maps
}

function split(option: string): readonly [string, string?] {
  const at = option.indexOf('=')
  return at < 0 ? [option] : [option.slice(0, at), option.slice(at + 1)]
}

function numberOf(option: string, value: string): number {
  if (!/^\d{1,10}$/.test(value) || Number(value) >= idLimit)
    throw invalid(`--userns: "${option}" is not a number of ids`)
  return Number(value)
}
