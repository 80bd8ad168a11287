import { createReadStream, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startDockerRoot } from '@gantry/bench'
import { loadArchive, saveDockerArchive } from '@gantry/image'
import type { ImageConfig } from '@gantry/oci'
import { runStatus, which } from '@gantry/process'
import { busyboxName, caseBaseName, type CorpusWorld, hasOwnBase, knownSecret } from './corpus-world.ts'
import { describeConfig, linesOf } from './describe-image.ts'
import type { CorpusCase } from './parse-cases.ts'

/** A builder that the corpus is compared with. */
export interface CorpusPeer extends AsyncDisposable {
  readonly version: string
  /** Builds a case: what came out, or the last words of what went wrong. */
  build(item: CorpusCase): Promise<{ readonly lines: readonly string[] } | { readonly failure: string }>
}

/** Why Docker cannot be asked; undefined when it can. Its root is a directory that the benchmarks make, or the host's daemon runs. */
export function dockerMissing(): string | undefined {
  const root = process.env['GANTRY_DOCKER_ROOT']
  if (root !== undefined) return existsSync(join(root, 'usr/sbin/dockerd')) ? undefined : `${root} has no dockerd`
  if (which('docker') === undefined || !existsSync('/var/run/docker.sock')) {
    return 'no Docker runs here, and GANTRY_DOCKER_ROOT names no root with one'
  }
  return undefined
}

/** Starts Docker, or takes the host's. */
export async function openDocker(world: CorpusWorld): Promise<CorpusPeer> {
  const root = process.env['GANTRY_DOCKER_ROOT']
  const work = mkdtempSync(join(tmpdir(), 'gantry-corpus-'))
  const daemon = root === undefined ? undefined : await startDockerRoot({ root, work })
  const shared = daemon?.shared ?? work
  const command = [
    ...(daemon?.enter ?? []),
    'docker',
    ...(daemon === undefined ? [] : ['-H', `unix://${daemon.socket}`]),
  ]
  const docker = (...args: string[]): ReturnType<typeof runStatus> =>
    runStatus(command[0]!, [...command.slice(1), ...args], { env: { ...process.env, ...quiet } })
  const version = (await docker('version', '--format', '{{.Server.Version}}')).stdout.trim()
  const basis = join(shared, 'base.tar')
  await writeBusybox(world, basis)
  await must(docker('load', '-i', basis))
  return {
    version: `docker ${version}`,
    build: (item) =>
      inContext(world, item, shared, async (context) => {
        const name = `localhost/corpus-${item.name}`
        const archive = `${context}.tar`
        const build = (...args: string[]): ReturnType<typeof runStatus> =>
          docker(
            'build',
            '--quiet',
            '--network=host',
            '--secret',
            `id=known,src=${join(shared, 'secret')}`,
            ...args,
            context,
          )
        if (hasOwnBase(item)) await must(build('-t', caseBaseName, '-f', join(context, 'base.Dockerfile')))
        const built = await build('-t', name, ...wordsOf(item))
        if (built.code !== 0) return { failure: built.stderr.trim().split('\n').slice(-3).join(' | ') }
        const saved = await docker('save', '-o', archive, name)
        // Docker cannot save an image that has no layers.
        if (saved.stderr.includes('empty export')) return { lines: await onDisk(docker, name, world) }
        if (saved.code !== 0) throw new Error(saved.stderr.trim())
        return { lines: await loaded(world, archive) }
      }),
    async [Symbol.asyncDispose]() {
      await daemon?.[Symbol.asyncDispose]()
      rmSync(work, { recursive: true, force: true })
    },
  }
}

/** Why buildah cannot be asked; undefined when it can. */
export function buildahMissing(): string | undefined {
  return which('buildah') === undefined ? 'buildah is not installed' : undefined
}

/** Buildah with storage of its own. */
export async function openBuildah(world: CorpusWorld): Promise<CorpusPeer> {
  const work = mkdtempSync(join(tmpdir(), 'gantry-corpus-'))
  const storage = ['--root', join(work, 'root'), '--runroot', join(work, 'run'), '--storage-driver', 'overlay']
  const buildah = (...args: string[]): ReturnType<typeof runStatus> =>
    runStatus('buildah', [...storage, ...args], { env: { ...process.env, ...quiet } })
  const version = (await buildah('--version')).stdout.trim().split(' ')[2] ?? ''
  const basis = join(work, 'base.tar')
  try {
    await writeBusybox(world, basis)
    await must(buildah('pull', '--quiet', `docker-archive:${basis}`))
  } catch (error) {
    await removeMounted(work)
    throw error
  }
  return {
    version: `buildah ${version}`,
    build: (item) =>
      inContext(world, item, work, async (context) => {
        const name = `localhost/corpus-${item.name}`
        const archive = `${context}.tar`
        const build = (...args: string[]): ReturnType<typeof runStatus> =>
          buildah(
            'bud',
            '--quiet',
            '--layers',
            '--isolation=chroot',
            '--pull-never',
            '--format=oci',
            '--secret',
            `id=known,src=${join(work, 'secret')}`,
            ...args,
            context,
          )
        if (hasOwnBase(item)) await must(build('-t', caseBaseName, '-f', join(context, 'base.Dockerfile')))
        const built = await build('-t', name, ...wordsOf(item))
        if (built.code !== 0) return { failure: built.stderr.trim().split('\n').slice(-3).join(' | ') }
        await must(buildah('push', '--quiet', '--format=oci', name, `oci-archive:${archive}`))
        return { lines: await loaded(world, archive) }
      }),
    async [Symbol.asyncDispose]() {
      await removeMounted(work)
    },
  }
}

/** Removes a directory, and before that what is mounted in it: a build that failed leaves the mounts of its container. */
async function removeMounted(directory: string): Promise<void> {
  const mounted = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .flatMap((line) => line.split(' ')[4] ?? [])
    .filter((path) => path.startsWith(`${directory}/`))
  // What was mounted last is on top.
  for (const path of mounted.toReversed()) await runStatus('umount', ['--lazy', path])
  rmSync(directory, { recursive: true, force: true })
}

/** The lines of an image without layers, from Docker's own files. */
async function onDisk(
  docker: (...args: string[]) => ReturnType<typeof runStatus>,
  name: string,
  { values }: CorpusWorld,
): Promise<string[]> {
  const { stdout: place } = await docker(
    'info',
    '--format',
    '{{.DockerRootDir}}/image/{{.Driver}}/imagedb/content/sha256',
  )
  const { stdout: id } = await docker('image', 'inspect', '--format', '{{.Id}}', name)
  const text = readFileSync(join(place.trim(), id.trim().replace('sha256:', '')), 'utf8')
  return linesOf(describeConfig(JSON.parse(text) as ImageConfig), new Map(), values)
}

/** Variables of this process that would reach RUN. */
const quiet = Object.fromEntries(
  ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY']
    .flatMap((name) => [name, name.toLowerCase()])
    .map((name) => [name, undefined]),
)

function wordsOf({ buildArgs, labels, target }: CorpusCase): string[] {
  return [
    ...Object.entries(buildArgs).map(([name, value]) => `--build-arg=${name}=${value}`),
    ...Object.entries(labels).map(([name, value]) => `--label=${name}=${value}`),
    ...(target === undefined ? [] : [`--target=${target}`]),
  ]
}

async function inContext<Result>(
  world: CorpusWorld,
  item: CorpusCase,
  above: string,
  use: (context: string) => Promise<Result>,
): Promise<Result> {
  mkdirSync(above, { recursive: true })
  writeFileSync(join(above, 'secret'), knownSecret)
  const context = await world.context(item, above)
  try {
    return await use(context)
  } finally {
    rmSync(context, { recursive: true, force: true })
    rmSync(`${context}.tar`, { force: true })
  }
}

async function must(done: ReturnType<typeof runStatus>): Promise<void> {
  const { code, stderr } = await done
  if (code !== 0) throw new Error(stderr.trim())
}

async function writeBusybox({ world }: CorpusWorld, path: string): Promise<void> {
  const descriptor = (await world.store.resolve(busyboxName))!
  const images = [{ reference: busyboxName, descriptor }]
  const body = saveDockerArchive(images, { source: world.store })
  writeFileSync(path, Buffer.concat(await Array.fromAsync(body)))
}

async function loaded(world: CorpusWorld, archive: string): Promise<string[]> {
  const { store, codec } = world.world
  const [image] = await loadArchive(createReadStream(archive), { spool: store, codec })
  return world.describe(image!.descriptor)
}
