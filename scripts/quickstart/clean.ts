import { existsSync } from 'node:fs'
import { gantry, tryGantry } from './gantry.ts'
import { forget, readRecord } from './record.ts'
import { findPlace } from './site.ts'

/** Removes what quickstarts have made: containers, images, roots. What others have made stays, and what is theirs is not touched. */
export async function clean(): Promise<void> {
  const { containers, images, roots } = readRecord()
  if (containers.length + images.length + roots.length === 0) {
    process.stdout.write('There is nothing to remove: no quickstart has made anything from this checkout\n')
    return
  }
  const { root } = await findPlace()
  const tell = (what: string): boolean => process.stdout.write(`removed ${what}\n`)
  for (const second of roots.filter((one) => one !== root)) await takeDown(second, tell)
  for (const name of containers) {
    if ((await tryGantry(['rm', '--force', name])).code === 0) tell(`container ${name}`)
  }
  for (const image of images) {
    if ((await tryGantry(['rmi', image])).code === 0) tell(`image ${image}`)
  }
  if (roots.includes(root) && (await isUnused())) await takeDown(root, tell)
  forget()
  process.stdout.write(
    "System packages stay, for other programs may use them by now; so do ./node_modules and npm's own cache.\n",
  )
}

async function isUnused(): Promise<boolean> {
  const [containers, images] = [await tryGantry(['ps', '--all', '--quiet']), await tryGantry(['images', '--quiet'])]
  return `${containers.stdout}${images.stdout}`.trim() === ''
}

async function takeDown(root: string, tell: (what: string) => boolean): Promise<void> {
  if (!existsSync(root)) return
  await gantry(['system', 'reset', '--force'], { root })
  tell(`root ${root}`)
}
