import type { ImagesApi } from '@gantry/client'
import type { ContentWorld } from '@gantry/daemon'
import type { Context } from './context.ts'
import { userOf } from '@gantry/linux/site'
import { accessSync, constants } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Where content commands (build, pull, images, …) find the images: in this very process when the root is writable, else
 * through the daemon's socket. A user without a root of their own uses the system's daemon where it lets them in.
 */
export async function openImages(context: Context): Promise<ImagesApi> {
  const world = await openContent(context)
  return world === undefined ? (await context.daemon({ autostart: false })).images : world.images
}

/**
 * Where what only reads a list of images finds it: a daemon that runs has it in memory and is asked; none is started for it, and
 * without one the list is read in this process, by the same code.
 */
export async function openImageList(context: Context): Promise<Pick<ImagesApi, 'list'>> {
  const client = await context.daemon({ autostart: false }).catch(() => undefined)
  return client?.images ?? openImages(context)
}

/** The content of the root, opened in this process and closed when the command ends; undefined when it is the daemon's alone. */
export async function openContent(context: Context): Promise<ContentWorld | undefined> {
  if (context.globals.host !== undefined || (context.env['GANTRY_HOST'] ?? '') !== '') return undefined
  const isRoot = userOf(context.env) === 0
  const hasOwnRoot = (context.globals.root ?? context.env['GANTRY_ROOT']) !== undefined
  if (!isRoot && !hasOwnRoot && allows('/run/gantry/gantry.sock', constants.W_OK)) return undefined
  const site = await context.site()
  if (!isWritable(site.root)) return undefined
  const { openContentWorld } = await import('./open-content-world.ts')
  const world = await openContentWorld(site)
  context.defer(async () => {
    await world[Symbol.asyncDispose]()
  })
  return world
}

/** A directory that can be written to, or made. */
function isWritable(path: string): boolean {
  for (let at = path; ; at = dirname(at)) {
    if (allows(at, constants.F_OK)) return allows(at, constants.W_OK)
    if (at === dirname(at)) return false
  }
}

function allows(path: string, mode: number): boolean {
  try {
    accessSync(path, mode)
    return true
  } catch {
    return false
  }
}
