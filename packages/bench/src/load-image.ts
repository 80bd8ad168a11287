import { join } from 'node:path'
import { rm } from 'node:fs/promises'
import { outputOf } from './command.ts'
import type { Engine } from './peers/engine.ts'

/** Gives an image that Gantry has to the other engines, unless they have it already. */
export async function loadImage(
  image: string,
  options: { from: Engine; into: readonly Engine[]; work: string },
): Promise<void> {
  const archive = join(options.work, 'image.tar')
  const { from } = options
  await outputOf([...from.command, 'save', '--output', archive, image], { env: from.env })
  for (const engine of options.into)
    await outputOf([...engine.command, 'load', '--input', archive], { env: engine.env })
  await rm(archive)
}
