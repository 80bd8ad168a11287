import type { LoadStep } from './load-job.ts'

/** What Gantry's side of a case has to reach. */
export interface RegistryGoal {
  /** Requests per second, as a multiple of the other side's. */
  readonly rate?: number
  /** Its own p99 below so many times its own p50. */
  readonly tail?: number
}

/** One thing that is measured on both registries. */
export interface RegistryCase {
  readonly title: string
  readonly steps: readonly LoadStep[]
  readonly concurrency: number
  readonly goal?: RegistryGoal
}

const megabyte = 1_000_000
const mebibyte = 1024 * 1024

/**
 * The cases of zot's benchmark `zb`, and what this registry's own goals are about. `quick` makes blobs a tenth as large and
 * requests a tenth as many, but where there is a goal.
 */
export function registryCases({ quick }: { readonly quick: boolean }): readonly RegistryCase[] {
  const size = (megabytes: number): number => Math.ceil((megabytes * megabyte) / (quick ? 10 : 1))
  const count = (requests: number): number => (quick ? Math.max(2, Math.ceil(requests / 10)) : requests)
  const repeat = (requests: number, step: (at: number) => LoadStep): LoadStep[] =>
    Array.from({ length: count(requests) }, (_, at) => step(at))
  const push = (megabytes: number, chunked = false): LoadStep => ({ kind: 'push', size: size(megabytes), chunked })
  const pull = (megabytes: number): LoadStep => ({ kind: 'pull', size: size(megabytes) })
  const of = <T>(list: readonly T[], at: number): T => list[at % list.length] as T
  const sizes = [
    [1, 100],
    [10, 40],
    [100, 8],
  ] as const
  // Two, seven and one of ten.
  const mixed = [10, 1, 10, 10, 100, 10, 1, 10, 10, 10]
  const thirds = [1, 10, 100]
  const four = (title: string, steps: readonly LoadStep[], goal?: RegistryGoal): RegistryCase => ({
    title,
    steps,
    concurrency: 4,
    ...(goal === undefined ? {} : { goal }),
  })
  const large = 256 * mebibyte
  // What a goal is about stays as large as it is; so much of it is enough to tell.
  const some = (requests: number): number => (quick ? Math.ceil(requests / 2) : requests)
  const manifests = (method: 'GET' | 'HEAD' | 'PUT', requests: number): RegistryCase => ({
    ...four(
      `small manifests, ${method}`,
      Array.from({ length: some(requests) }, (): LoadStep => ({ kind: 'manifest', method })),
      { rate: 2 },
    ),
    concurrency: 16,
  })
  return [
    four(
      'catalog',
      repeat(1000, () => ({ kind: 'catalog' })),
    ),
    ...sizes.map(([mb, n]) =>
      four(
        `push monolith ${mb} MB`,
        repeat(n, () => push(mb)),
      ),
    ),
    ...sizes.map(([mb, n]) =>
      four(
        `push chunked ${mb} MB`,
        repeat(n, () => push(mb, true)),
      ),
    ),
    ...sizes.map(([mb, n]) =>
      four(
        `pull ${mb} MB`,
        repeat(n * 2, () => pull(mb)),
      ),
    ),
    four(
      'pull mixed: 20 % 1 MB, 70 % 10 MB, 10 % 100 MB',
      repeat(40, (at) => pull(of(mixed, at))),
    ),
    four(
      'push monolith mixed: 20 % 1 MB, 70 % 10 MB, 10 % 100 MB',
      repeat(20, (at) => push(of(mixed, at))),
    ),
    four(
      'push chunked mixed: 33 % 1 MB, 33 % 10 MB, 33 % 100 MB',
      repeat(12, (at) => push(of(thirds, at), true)),
    ),
    ...sizes.slice(0, 2).map(([mb, n]) =>
      four(
        `pull 75 % and push 25 % ${mb} MB`,
        repeat(n, (at) => (at % 4 === 3 ? push(mb) : pull(mb))),
      ),
    ),
    ...([100, 1000] as const).map((mb): RegistryCase => ({
      title: `on-demand sync ${mb} MB`,
      steps: repeat(mb === 100 ? 4 : 1, () => ({ kind: 'sync', size: size(mb) })),
      concurrency: 1,
    })),
    {
      title: 'push of one blob of 256 MiB',
      steps: [{ kind: 'push', size: large, only: true }],
      concurrency: 1,
      goal: { rate: 1.4 },
    },
    {
      title: 'pull of one blob of 256 MiB',
      steps: [{ kind: 'pull', size: large, only: true }],
      concurrency: 1,
      goal: { rate: 0.95 },
    },
    manifests('GET', 8000),
    manifests('HEAD', 8000),
    manifests('PUT', 2000),
    {
      title: '50 concurrent pulls of 10 MB',
      steps: Array.from({ length: some(500) }, (): LoadStep => ({ kind: 'pull', size: 10 * megabyte })),
      concurrency: 50,
      goal: { tail: 5 },
    },
  ]
}
