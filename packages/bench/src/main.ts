import { mkdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { BenchError } from './bench-error.ts'
import { differences, isolationOf } from './equality.ts'
import { abortOnSignals, orInterrupted } from './interruption.ts'
import { loadImage } from './load-image.ts'
import { readOptions, usage, type Options, type SuiteName } from './options.ts'
import { type DockerPeer, findHostDocker, startOwnDocker } from './peers/docker.ts'
import type { Engine } from './peers/engine.ts'
import { startGantry } from './peers/gantry.ts'
import { findPodman } from './peers/podman.ts'
import { formatTable, type ReportedSide } from './report.ts'
import { benchRegistries } from './registry/bench-registries.ts'
import { writeResults } from './results-file.ts'
import type { Row } from './row.ts'
import { benchScale } from './scale/bench-scale.ts'
import { buildSuite } from './suites/build.ts'
import { detachedSuite } from './suites/detached.ts'
import { execSuite } from './suites/exec.ts'
import { idleSuite } from './suites/idle.ts'
import { listSuite } from './suites/list.ts'
import { nodeSuite } from './suites/node.ts'
import { parallelSuite } from './suites/parallel.ts'
import { portsSuite } from './suites/ports.ts'
import { startSuite } from './suites/start.ts'
import { transferSuite } from './suites/transfer.ts'
import type { World } from './world.ts'

const image = 'localhost/busybox'

const suites: Readonly<Record<SuiteName, (world: World) => Promise<Row[]>>> = {
  start: startSuite,
  exec: execSuite,
  parallel: parallelSuite,
  detached: detachedSuite,
  idle: idleSuite,
  list: listSuite,
  ports: portsSuite,
  build: buildSuite,
  node: nodeSuite,
  transfer: transferSuite,
}

const interruption = abortOnSignals()
try {
  await main(readOptions(process.argv.slice(2)))
} catch (caught) {
  const error: unknown = interruption.aborted ? interruption.reason : caught
  if (!(error instanceof BenchError)) throw error
  process.stderr.write(`bench: ${error.message}\n${error.code === 'USAGE' ? usage : ''}`)
  process.exitCode ||= error.code === 'USAGE' ? 2 : 1
  // What was left to itself ends with this process.
  if (interruption.aborted) process.exit()
}

async function main(options: Options): Promise<void> {
  if (options.registry) return benchRegistries(options, tellRound)
  if (process.getuid?.() !== 0) throw new BenchError('NOT_ROOT', 'Cannot measure containers: this needs root')
  const work = resolve(options.work)
  await mkdir(work, { recursive: true })
  if (options.scale) return benchScale(options, image, tellRound)
  await using held = new AsyncDisposableStack()
  const gantry = held.use(
    await startGantry({ root: join(work, 'gantry'), source: options.source, images: ['busybox'] }),
  )
  const docker = held.use(await findDocker(options, work))
  const podman = held.use(options.without.includes('podman') ? undefined : await findPodman(work))
  const others = [docker, podman].filter((one): one is NonNullable<typeof one> => one !== undefined)
  const scratch = join(docker?.shared ?? work, 'scratch')
  await mkdir(scratch, { recursive: true })
  held.defer(() => rm(scratch, { recursive: true, force: true }))
  await loadImage(image, { from: gantry, into: others, work: scratch })
  const { sides, working } = await assertEqual(gantry, others)
  const world: World = {
    gantry,
    engines: [gantry, ...working],
    image,
    work: scratch,
    runs: options.runs,
    containers: options.containers,
    onRound: tellRound,
    signal: interruption,
  }
  const rows: Row[] = []
  for (const name of options.only) rows.push(...(await orInterrupted(suites[name](world), interruption)))
  tellRound('', 0)
  process.stdout.write(`\n${formatTable(rows, sides)}gantry runs its ${gantry.runs}; medians of ${options.runs} runs\n`)
  const told = sides.map(({ name, version, notComparable }) => ({ name, version, notComparable }))
  await writeResults(options, '', { gantry: gantry.runs, sides: told, rows })
}

async function findDocker({ without, dockerRoot }: Options, work: string): Promise<DockerPeer | undefined> {
  if (without.includes('docker')) return undefined
  if (dockerRoot === undefined) return findHostDocker(work)
  return startOwnDocker({ root: dockerRoot, work: join(work, 'docker'), insecure: ['127.0.0.0/8'] })
}

// Docker must be shut in as Gantry is, or nothing is measured; of others a difference makes the ratio say nothing.
async function assertEqual(
  gantry: Engine,
  others: readonly Engine[],
): Promise<{ sides: ReportedSide[]; working: Engine[] }> {
  const ours = await isolationOf(gantry, image)
  const sides: ReportedSide[] = [gantry]
  const working: Engine[] = []
  for (const engine of others) {
    const theirs = await isolationOf(engine, image).catch((error: unknown) => {
      if (engine.name === 'docker' || !(error instanceof BenchError)) throw error
      process.stderr.write(`${engine.name}: left out, its containers do not start here: ${error.message}\n`)
    })
    if (theirs === undefined) continue
    working.push(engine)
    const found = differences(ours, theirs, ['gantry', engine.name])
    if (found.length > 0 && engine.name === 'docker' && engine.notComparable === undefined) {
      throw new BenchError('NOT_EQUAL', `Cannot compare: the containers are not shut in alike\n  ${found.join('\n  ')}`)
    }
    const reason =
      engine.notComparable ??
      (found.length === 0
        ? undefined
        : `its containers differ in ${found.map((line) => line.split(':')[0]).join(', ')}`)
    sides.push({
      name: engine.name,
      version: engine.version,
      ...(reason === undefined ? {} : { notComparable: reason }),
    })
  }
  return { sides, working }
}

// Between rounds is where a run can be ended in order.
function tellRound(title: string, round: number): void {
  interruption.throwIfAborted()
  if (!process.stderr.isTTY) return
  process.stderr.write(title === '' ? '\r\u001B[K' : `\r\u001B[K${title}: round ${round}`)
}
