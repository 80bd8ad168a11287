import { parseArgs } from 'node:util'
import { BenchError } from './bench-error.ts'

/** What can be measured. */
export const suiteNames = [
  'start',
  'exec',
  'parallel',
  'detached',
  'idle',
  'list',
  'ports',
  'build',
  'node',
  'transfer',
] as const

/** The name of a group of measurements. */
export type SuiteName = (typeof suiteNames)[number]

/** Whom Gantry is measured beside, where they are installed. */
export const peerNames = ['docker', 'podman'] as const

/** The name of a peer. */
export type PeerName = (typeof peerNames)[number]

/** What a run of the benchmarks was asked for. */
export interface Options {
  readonly only: readonly SuiteName[]
  /** Who is not measured. */
  readonly without: readonly PeerName[]
  /** How often each thing is done on each side. */
  readonly runs: number
  /** Where the samples go as JSON. Default: `bench-results/<time>.json`. */
  readonly json?: string
  /** A root with a newer Docker, made when it is not there; see the README. */
  readonly dockerRoot?: string
  /** Where images, roots and data of the benchmarks are kept between runs. */
  readonly work: string
  /** Runs Gantry's sources even if it has been built. */
  readonly source: boolean
  /** Measures registries, and nothing else. */
  readonly registry: boolean
  /** With `registry`: smaller blobs, one round. Whether it works, not how fast it is. */
  readonly quick: boolean
  /** With `registry`: only cases whose title has this in it. */
  readonly match?: string
  /** Runs a crowd of containers on one network, and nothing else. */
  readonly scale: boolean
  /** Containers in the suites of detached and of idle ones, or in the crowd. */
  readonly containers: number
}

/** How the program is called. */
export const usage: string = `usage: npm run bench -- [OPTIONS]
  --only NAME[,NAME]   of ${suiteNames.join(', ')} (default: all)
  --without NAME[,NAME] of ${peerNames.join(', ')}: leave it out; podman is also who builds with buildah
  --runs N             how often each thing is done on each side (default: 15; builds and transfers a third of it)
  --json FILE          where the samples go (default: bench-results/TIME.json)
  --docker-root DIR    run the Docker of a root in DIR instead of the host's; made with mmdebstrap when it is not there
  --work DIR           kept between runs (default: /var/tmp/gantry-bench)
  --containers N       how many containers are there in "detached" and "idle" (default: 50)
  --scale              run a crowd instead: --containers N (default: 1000) on one network, at once
  --registry           measure registries instead: "registry serve" beside docker-registry (needs no root)
  --match TEXT         with --registry: only cases whose title has this in it
  --quick              with --registry: smaller blobs and one round, to see that it works
  --source             run Gantry's sources, not its bundle
`

/** Reads the command line. @throws BenchError USAGE */
export function readOptions(line: readonly string[]): Options {
  const { values } = parse(line)
  return {
    only: namesOf(values.only?.split(',') ?? suiteNames, suiteNames, 'measure'),
    without: namesOf(values.without?.split(',') ?? [], peerNames, 'leave out'),
    runs: positive(values.runs, '--runs'),
    work: values.work,
    source: values.source,
    registry: values.registry,
    scale: values.scale,
    quick: values.quick,
    ...(values.match === undefined ? {} : { match: values.match }),
    containers: positive(values.containers ?? (values.scale ? '1000' : '50'), '--containers'),
    ...(values.json === undefined ? {} : { json: values.json }),
    ...(values['docker-root'] === undefined ? {} : { dockerRoot: values['docker-root'] }),
  }
}

function namesOf<Name extends string>(given: readonly string[], all: readonly Name[], verb: string): readonly Name[] {
  return given.map((name) => {
    const known = all.find((each) => each === name)
    if (known === undefined) throw new BenchError('USAGE', `Cannot ${verb} "${name}": there are ${all.join(', ')}`)
    return known
  })
}

function parse(line: readonly string[]) {
  try {
    return parseArgs({
      args: [...line],
      options: {
        only: { type: 'string' },
        without: { type: 'string' },
        runs: { type: 'string', default: '15' },
        json: { type: 'string' },
        'docker-root': { type: 'string' },
        work: { type: 'string', default: '/var/tmp/gantry-bench' },
        containers: { type: 'string' },
        scale: { type: 'boolean', default: false },
        registry: { type: 'boolean', default: false },
        quick: { type: 'boolean', default: false },
        match: { type: 'string' },
        source: { type: 'boolean', default: false },
      },
    })
  } catch (error) {
    throw new BenchError('USAGE', error instanceof Error ? error.message : String(error), { cause: error })
  }
}

function positive(text: string, name: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value > 0) return value
  throw new BenchError('USAGE', `Cannot use ${name} "${text}": it is not a number above 0`)
}
