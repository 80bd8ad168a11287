import { type BuildEvent, type BuildStep, describeReason, describeUse } from '@gantry/builder'
import type { Output } from '../output.ts'
import type { BuildView } from './build-view.ts'
import { shortDuration } from '../format/human-duration.ts'
import { humanSize } from '../format/human-size.ts'
import { LiveLines, cutVisible, paint } from './live-lines.ts'
import { doneLine, stepTitle } from './plain-build-view.ts'
import { StepOutput } from './step-output.ts'

interface StepView {
  readonly step: BuildStep
  readonly output: StepOutput
  readonly started: number
  state: 'running' | 'done' | 'cached' | 'failed'
  duration: number
  progress: Extract<BuildEvent, { kind: 'progress' }> | undefined
  /** Why it runs or not, and what it reaches, when that was asked for. */
  reason: readonly string[]
}

const verbs = { pull: 'pulling', unpack: 'unpacking', hash: 'hashing', write: 'writing' } as const

/**
 * A line per step that is drawn again while it runs, with its time and its newest output below it; steps that have ended
 * scroll out above. The clock is drawn five times a second.
 */
export function terminalBuildView(out: Output, now: () => number = Date.now): BuildView {
  const live = new LiveLines(out)
  const begun = now()
  const steps = new Map<number, StepView>()
  let ended = 0
  let total = 0
  const block = (): string[] => {
    const running = [...steps.values()]
    const clock = paint(`Building ${shortDuration(now() - begun)} (${ended}/${total})`, 'bold', true)
    return [clock, ...running.flatMap((view) => [stepLine(view, out.columns, now()), ...newest(view)])]
  }
  const draw = (): void => live.set(block())
  const timer = setInterval(draw, 200)
  const end = (
    view: StepView | undefined,
    state: 'done' | 'cached' | 'failed',
    duration: number,
    size?: number,
  ): void => {
    if (view === undefined) return
    Object.assign(view, { state, duration })
    steps.delete(view.step.id)
    ended += 1
    const why = view.reason.map((line) => `\n${paint(`     ${line}`, 'grey', true)}`).join('')
    live.print(`${stepLine(view, out.columns, now(), size)}${why}`, block())
  }
  return {
    finish: () => {
      clearInterval(timer)
      live.set([])
    },
    event: (event) => {
      switch (event.kind) {
        case 'plan':
          total = event.steps.length
          return draw()
        case 'step-start':
          steps.set(event.step.id, {
            step: event.step,
            output: new StepOutput(64 * 1024),
            started: now(),
            state: 'running',
            duration: 0,
            progress: undefined,
            reason: [],
          })
          return draw()
        case 'reason': {
          const view = steps.get(event.step.id)
          if (view !== undefined) view.reason = describeReason(event.reason)
          return
        }
        case 'network': {
          const view = steps.get(event.step.id)
          if (view !== undefined) view.reason = [...view.reason, `network: ${describeUse(event.use)}`]
          return
        }
        case 'output':
          steps.get(event.step.id)?.output.add(event.stream, event.data)
          return
        case 'progress': {
          const view = steps.get(event.step.id)
          if (view !== undefined) view.progress = event
          return
        }
        case 'step-done':
          return end(steps.get(event.step.id), event.cached ? 'cached' : 'done', event.duration, event.size)
        case 'step-failed':
          return end(steps.get(event.step.id), 'failed', event.duration)
        case 'warning':
          return live.print(
            paint(
              `! ${event.rule}: ${event.message}${event.range === undefined ? '' : ` (line ${event.range.start.line})`}`,
              'yellow',
              true,
            ),
          )
        case 'done':
          return live.print(doneLine(event), [])
      }
    },
  }
}

function newest(view: StepView): string[] {
  return view.output.tail(5).map((line) => paint(`     ${line}`, 'grey', true))
}

function stepLine(view: StepView, columns: number, now: number, size?: number): string {
  const { state, step } = view
  const marks = {
    running: paint('>', 'blue', true),
    done: paint('+', 'green', true),
    cached: paint('=', 'green', true),
    failed: paint('x', 'red', true),
  }
  const time = state === 'cached' ? 'cached' : shortDuration(state === 'running' ? now - view.started : view.duration)
  const note = state === 'running' ? progressNote(view.progress) : size === undefined ? '' : ` ${humanSize(size)}`
  const right = `${note} ${time}`
  const title = ` ${stepTitle(step)}`
  const room = Math.max(columns - 4 - right.length, 20)
  return ` ${marks[state]}${cutVisible(title, room).padEnd(room)}${right}`
}

function progressNote(progress: StepView['progress']): string {
  if (progress === undefined) return ''
  const of = progress.total === undefined ? '' : `/${humanSize(progress.total)}`
  return ` ${verbs[progress.what]} ${humanSize(progress.current)}${of}`
}
