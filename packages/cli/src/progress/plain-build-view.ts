import { type BuildEvent, type BuildStep, describeReason, describeUse } from '@gantry/builder'
import type { Output } from '../output.ts'
import type { BuildView } from './build-view.ts'
import { shortDuration } from '../format/human-duration.ts'
import { humanSize } from '../format/human-size.ts'
import { StepOutput } from './step-output.ts'

/** Lines that only grow, for logs: every line begins with the number of its step, for steps of several stages run at once. */
export function plainBuildView(out: Output, now: () => number = Date.now): BuildView {
  const outputs = new Map<number, StepOutput>()
  const started = new Map<number, number>()
  const say = (step: BuildStep, text: string): void => out.write(`#${step.id + 1} ${text}\n`)
  const lines = (step: BuildStep, texts: readonly string[]): void => {
    const seconds = ((now() - (started.get(step.id) ?? now())) / 1000).toFixed(1)
    for (const text of texts) say(step, `${seconds} ${text}`)
  }
  const end = (step: BuildStep): void => {
    lines(step, outputs.get(step.id)?.flush() ?? [])
    outputs.delete(step.id)
  }
  return {
    finish: () => undefined,
    event: (event: BuildEvent) => {
      switch (event.kind) {
        case 'plan':
        case 'progress':
          return
        case 'step-start':
          started.set(event.step.id, now())
          return say(event.step, stepTitle(event.step))
        case 'reason':
          for (const line of describeReason(event.reason)) say(event.step, `why: ${line}`)
          return
        case 'network':
          return say(event.step, `network: ${describeUse(event.use)}`)
        case 'output': {
          const output = outputs.get(event.step.id) ?? new StepOutput()
          outputs.set(event.step.id, output)
          return lines(event.step, output.add(event.stream, event.data))
        }
        case 'step-done':
          end(event.step)
          return say(
            event.step,
            event.cached
              ? 'CACHED'
              : `DONE ${shortDuration(event.duration)}${event.size === undefined ? '' : ` (${humanSize(event.size)})`}`,
          )
        case 'step-failed':
          end(event.step)
          return say(event.step, `ERROR: ${event.error.message}`)
        case 'warning':
          return out.write(
            `WARN: ${event.rule}: ${event.message}${event.range === undefined ? '' : ` (line ${event.range.start.line})`}\n`,
          )
        case 'done':
          return out.write(doneLine(event))
      }
    },
  }
}

/** `[stage 2/4] RUN npm ci` */
export function stepTitle(step: BuildStep): string {
  return `[${step.stageName} ${step.position}/${step.total}] ${step.text}`
}

/** The last line of a build: what was made, under which names, in what time. */
export function doneLine(event: Extract<BuildEvent, { kind: 'done' }>): string {
  const names = event.tags.length === 0 ? '' : ` ${event.tags.join(' ')}`
  return `Built${names} ${event.imageId} in ${shortDuration(event.duration)}\n`
}
