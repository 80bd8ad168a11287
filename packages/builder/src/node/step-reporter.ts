import type { Digest } from '@gantry/oci'
import type { BuildEvent, BuildStep } from '../events.ts'

/** What a step is, before it has a number. */
export type StepText = Pick<BuildStep, 'kind' | 'text'>

/** What a step came to. */
export interface StepResult {
  readonly cached: boolean
  readonly digest?: Digest
  readonly size?: number
}

const start = { line: 1, column: 1, offset: 0 }

/** Tells of the steps of one stage. There is no Dockerfile, so their places say nothing. */
export class StepReporter {
  readonly #onEvent: (event: BuildEvent) => void
  readonly #stage: { readonly index: number; readonly name: string }
  /** The numbers of steps by their texts. */
  readonly #ids = new Map<string, number>()
  readonly #numbers: Iterator<number, never>
  #steps: readonly BuildStep[] = []

  /** @param numbers counts the steps of the whole build */
  constructor(
    onEvent: (event: BuildEvent) => void,
    stage: { readonly index: number; readonly name: string },
    numbers: Iterator<number, never>,
  ) {
    this.#numbers = numbers
    this.#onEvent = onEvent
    this.#stage = stage
  }

  /** Announces the steps; those that were announced before keep their numbers. */
  plan(texts: readonly StepText[]): void {
    const { index, name } = this.#stage
    const total = texts.length
    for (const { text } of texts) if (!this.#ids.has(text)) this.#ids.set(text, this.#numbers.next().value)
    this.#steps = texts.map((text, at) => ({
      ...text,
      id: this.#ids.get(text.text)!,
      stage: index,
      stageName: name,
      position: at + 1,
      total,
      range: { start, end: start },
    }))
    this.#onEvent({ kind: 'plan', steps: this.#steps, stages: [{ index, name, steps: total }] })
  }

  /** Runs the step with this text. */
  async run<Result extends StepResult>(text: string, work: (step: BuildStep) => Promise<Result>): Promise<Result> {
    const step = this.#steps.find((each) => each.text === text)
    if (step === undefined) throw new TypeError(`the step "${text}" was not announced`)
    const started = performance.now()
    const duration = (): number => Math.round(performance.now() - started)
    this.#onEvent({ kind: 'step-start', step })
    try {
      const result = await work(step)
      const { cached, digest, size } = result
      const what = { ...(digest === undefined ? {} : { digest }), ...(size === undefined ? {} : { size }) }
      this.#onEvent({ kind: 'step-done', step, cached, duration: duration(), ...what })
      return result
    } catch (error) {
      const failure = error instanceof Error ? error : new Error(String(error))
      this.#onEvent({ kind: 'step-failed', step, error: failure, duration: duration() })
      throw error
    }
  }
}

/** 0, 1, 2, ... */
export function* countUp(): Generator<number, never> {
  for (let number = 0; ; number++) yield number
}
