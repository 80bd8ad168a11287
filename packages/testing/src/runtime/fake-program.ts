/** What a program of the fake runtime has of its world. */
export interface FakeIo {
  readonly args: readonly string[]
  readonly env: readonly string[]
  /** Input, to its end. */
  readonly stdin: AsyncIterable<Uint8Array>
  /** Writes output; everything written is seen by the log and by whoever is attached. */
  readonly write: (stream: 'stdout' | 'stderr', text: string | Uint8Array) => void
  /** Resolves with a signal's number when one comes that is not SIGKILL; who does not ask for it is ended by it. */
  readonly onSignal: (handler: (signal: number) => void) => void
  /** Settles when the program is ended by a signal, so that it can stop what it does. */
  readonly ended: Promise<number>
}

/** A program: what it does, and the exit code it ends with. */
export type FakeProgram = (io: FakeIo) => Promise<number>

/** The programs that every fake image has; the same names mean the same on a real system. */
export const fakePrograms: Readonly<Record<string, FakeProgram>> = {
  true: async () => 0,
  false: async () => 1,
  echo: async ({ args, write }) => {
    write('stdout', `${args.slice(1).join(' ')}\n`)
    return 0
  },
  cat: async ({ stdin, write }) => {
    for await (const chunk of stdin) write('stdout', chunk)
    return 0
  },
  sleep: async ({ ended }) => ended,
  env: async ({ env, write }) => {
    write('stdout', `${env.join('\n')}\n`)
    return 0
  },
  sh: async ({ args, write, ended, onSignal }) => {
    for (const step of (args[2] ?? '').split(';').map((each) => each.trim())) {
      const [word, ...rest] = step.split(/\s+/)
      if (word === 'exit') return Number(rest[0] ?? 0)
      if (word === 'echo') {
        const toError = rest.at(-1) === '>&2'
        write(toError ? 'stderr' : 'stdout', `${rest.slice(0, toError ? -1 : undefined).join(' ')}\n`)
      }
      if (word === 'trap') onSignal(() => undefined)
      if (word === 'sleep') return ended
    }
    return 0
  },
}
