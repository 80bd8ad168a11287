import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { which } from '@gantry/process'
import { outputOf, timeCommand } from '../command.ts'
import { loadImage } from '../load-image.ts'
import { startRegistry } from '../peers/registry.ts'
import { measure, type Row, type Side } from '../row.ts'
import type { World } from '../world.ts'
import { copyNodeProject, installContainerify, type NodeProjectPlace, writeNodeProject } from './node-project.ts'

const base = 'localhost/node'

/**
 * A Node project of which one source file has changed: built and pushed to a registry that is nobody's own. Gantry builds it from its
 * lockfile, docker by a Dockerfile that copies what npm has installed, containerify as it does.
 */
export async function nodeSuite(world: World): Promise<Row[]> {
  if (which('docker-registry') === undefined || which('npm') === undefined) {
    process.stderr.write('node: left out, docker-registry and npm are not both installed\n')
    return []
  }
  const { gantry, engines, work } = world
  const place = join(work, 'node')
  await rm(place, { recursive: true, force: true })
  try {
    const project = await writeNodeProject(join(place, 'project'), base)
    if ((await outputOf([...gantry.command, 'images', '--quiet', base], { env: gantry.env })) === '') {
      await outputOf([...gantry.command, 'base', 'build', 'node'], { env: gantry.env })
    }
    await using registry = await startRegistry(join(place, 'registry'))
    const { address } = registry
    const docker = engines.find(({ name }) => name === 'docker')
    if (docker !== undefined) await loadImage(base, { from: gantry, into: [docker], work })
    const sides: Side[] = []
    const add = async (name: string, run: (own: NodeProjectPlace) => () => Promise<number>): Promise<void> => {
      const own = await copyNodeProject(project, join(place, name))
      sides.push({ name, before: (round) => own.edit(round), run: run(own) })
    }
    await add('gantry', ({ directory }) => {
      const words = ['build', '--node', '--push', '--quiet', '--tag', `${address}/gantry:1`, directory]
      return () => timeCommand([...gantry.command, ...words], { env: gantry.env })
    })
    if (docker !== undefined) {
      await add('docker', ({ directory }) => async () => {
        const tag = `${address}/docker:1`
        const built = await timeCommand([...docker.buildCommand, 'build', '--tag', tag, directory], { env: docker.env })
        return built + (await timeCommand([...docker.buildCommand, 'push', tag], { env: docker.env }))
      })
    }
    const containerify = await installContainerify(join(place, 'programs')).catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error)
      process.stderr.write(`node: containerify is left out, it cannot be installed: ${reason}\n`)
    })
    if (containerify !== undefined) {
      const from = `${address}/node:base`
      await outputOf([...gantry.command, 'tag', base, from], { env: gantry.env })
      await outputOf([...gantry.command, 'push', from], { env: gantry.env })
      await add('containerify', ({ directory }) => () => {
        const own = `http://${address}/v2/`
        const registries = ['--fromRegistry', own, '--toRegistry', own]
        const images = ['--fromImage', 'node:base', '--toImage', 'containerify:1']
        const allowed = ['--allowInsecureRegistries', '--allowNoPushAuth', '--doCrossMount']
        const kept = ['--layerCacheFolder', join(place, 'containerify-cache')]
        const words = [containerify.path, ...registries, ...images, '--folder', directory, ...allowed, ...kept]
        return timeCommand([process.execPath, ...words])
      })
    }
    const row = await measure(sides, {
      suite: 'node',
      title: `one source file changed, built and pushed${containerify === undefined ? '' : ` (containerify ${containerify.version})`}`,
      runs: Math.max(3, Math.ceil(world.runs / 3)),
      onRound: world.onRound,
      goals: [{ atMost: 1000 }, { against: 'containerify', atMost: 0.3 }, { against: 'docker', atMost: 0.3 }],
    })
    return [row]
  } finally {
    await rm(place, { recursive: true, force: true })
  }
}
