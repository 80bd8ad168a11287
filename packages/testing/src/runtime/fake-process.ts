import type { Attachment, OutputChunk } from '@gantry/runtime'
import type { FakeProgram } from './fake-program.ts'

/** A queue of pieces that one reader takes. */
class Pipe<T> {
  readonly #queue: T[] = []
  #closed = false
  #wake: (() => void) | undefined

  push(item: T): void {
    if (this.#closed) return
    this.#queue.push(item)
    this.#wake?.()
  }

  close(): void {
    this.#closed = true
    this.#wake?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      for (let item = this.#queue.shift(); item !== undefined; item = this.#queue.shift()) yield item
      if (this.#closed) return
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}

/** A process of the fake runtime: a program with streams that may be attached to, and signals. */
export class FakeProcess {
  readonly #stdin = new Pipe<Uint8Array>()
  readonly #clients = new Set<Pipe<OutputChunk>>()
  readonly #exit = Promise.withResolvers<number>()
  readonly #ended = Promise.withResolvers<number>()
  readonly #onOutput: (chunk: OutputChunk) => void
  readonly #terminal: boolean
  readonly #closesInput: boolean
  #handler: ((signal: number) => void) | undefined
  #over = false

  constructor(options: {
    onOutput: (chunk: OutputChunk) => void
    terminal: boolean
    stdin: boolean
    stdinOnce: boolean
  }) {
    this.#onOutput = options.onOutput
    this.#terminal = options.terminal
    this.#closesInput = options.stdinOnce
    if (!options.stdin) this.#stdin.close()
  }

  /** Whether the process has ended. */
  get over(): boolean {
    return this.#over
  }

  /** Settles with the exit code, after everybody attached has seen the end of the output. */
  get exit(): Promise<number> {
    return this.#exit.promise
  }

  /** Runs the program. */
  run(program: FakeProgram, { args, env }: { args: readonly string[]; env: readonly string[] }): void {
    const io = {
      args,
      env,
      stdin: this.#stdin,
      write: (stream: 'stdout' | 'stderr', text: string | Uint8Array) => this.#write(stream, text),
      onSignal: (handler: (signal: number) => void) => {
        this.#handler = handler
      },
      ended: this.#ended.promise,
    }
    const work = Promise.race([program(io), this.#ended.promise])
    void work.catch(() => 255).then((code) => this.#finish(code))
  }

  /** Sends a signal; one that the program does not handle ends it. */
  signal(number: number): void {
    if (number !== 9 && this.#handler !== undefined) this.#handler(number)
    else if (number !== 18 && number !== 17 && number !== 28) this.#ended.resolve(128 + number)
  }

  /** Connects a client. */
  attach({ stdin }: { stdin: boolean }): Attachment {
    const pipe = new Pipe<OutputChunk>()
    if (this.#over) pipe.close()
    else this.#clients.add(pipe)
    const close = (): void => {
      if (!this.#clients.delete(pipe)) return
      pipe.close()
      if (stdin && this.#closesInput) this.#stdin.close()
    }
    return {
      output: pipe,
      write: async (data) => {
        if (stdin) this.#stdin.push(data)
      },
      end: () => {
        if (stdin) this.#stdin.close()
      },
      close,
    }
  }

  #write(stream: 'stdout' | 'stderr', text: string | Uint8Array): void {
    const data = typeof text === 'string' ? Buffer.from(text) : text
    const chunk: OutputChunk = { stream: this.#terminal ? 'stdout' : stream, data }
    this.#onOutput(chunk)
    for (const client of this.#clients) client.push(chunk)
  }

  #finish(code: number): void {
    this.#over = true
    for (const client of this.#clients) client.close()
    this.#clients.clear()
    this.#exit.resolve(code)
  }
}
