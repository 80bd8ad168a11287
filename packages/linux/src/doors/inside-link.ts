import type { Change } from '../ledger/change.ts'
import type { Door } from '../ledger/door.ts'
import type { JsonObject } from '../ledger/json.ts'
import { linkBatch } from './link-batch.ts'
import { additionOf, insideRemovalOf } from './ip-lines.ts'

/** Arguments of {@link address}. */
export type AddressArgs = { readonly link: string; readonly cidr: string; readonly netns?: string }

/** An IPv4 or IPv6 address with its prefix length on a link. */
export function address(args: AddressArgs, why: string): Change<AddressArgs> {
  return { kind: 'address', args, why }
}

/** Arguments of {@link route}. */
export type RouteArgs = {
  /** Default: `default`. */
  readonly to?: string
  readonly via?: string
  readonly link?: string
  readonly netns?: string
}

/** A route. */
export function route(args: RouteArgs, why: string): Change<RouteArgs> {
  return { kind: 'route', args, why }
}

/** Arguments of {@link linkUp}. */
export type LinkUpArgs = { readonly link: string; readonly netns?: string }

/** A link that is up. */
export function linkUp(args: LinkUpArgs, why: string): Change<LinkUpArgs> {
  return { kind: 'link-up', args, why }
}

/** The door of {@link address}. */
export const addressDoor: Door<AddressArgs> = door('address', (args) => `Give ${args.link} the address ${args.cidr}`)

/** The door of {@link route}. */
export const routeDoor: Door<RouteArgs> = door('route', (args) => {
  const to = args.to === undefined || args.to === 'default' ? 'Send everything else' : `Send what goes to ${args.to}`
  return `${to} through ${args.via ?? args.link ?? 'a link'}`
})

/** The door of {@link linkUp}. */
export const linkUpDoor: Door<LinkUpArgs> = door('link-up', (args) => `Switch ${args.link} on`)

function door<Args extends JsonObject & { readonly netns?: string }>(
  kind: string,
  sentence: (args: Args) => string,
): Door<Args> {
  const command = (args: Args, lines: readonly string[]): string =>
    lines.map((line) => (args.netns === undefined ? `ip ${line}` : `ip -n ${args.netns} ${line}`)).join(' && ')
  return {
    kind,
    batch: linkBatch,
    describe: (args) => {
      const { host, inside } = additionOf(kind, args)
      return {
        sentence: args.netns === undefined ? sentence(args) : `${sentence(args)}, inside ${args.netns}`,
        command: command(args, [...host, ...inside]),
        undo: command(args, insideRemovalOf(kind, args)),
      }
    },
    observe: (args) => {
      additionOf(kind, args)
      return undefined
    },
    apply: unbatched,
    undo: unbatched,
  }
}

async function unbatched(): Promise<never> {
  throw new Error('changes of links are made in batches')
}
