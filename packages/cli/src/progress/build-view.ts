import type { BuildEvent } from '@gantry/builder'
import type { Output } from '../output.ts'

/** How the progress of a build is shown. */
export type ProgressMode = 'auto' | 'tty' | 'plain' | 'json' | 'quiet'

/** Shows a build while it runs. */
export interface BuildView {
  event(event: BuildEvent): void
  /** Called once, after the last event, however the build ended: nothing is drawn afterwards. */
  finish(): void
}

/** Chooses the view: `auto` is the one for terminals where there is one. */
export async function openBuildView(mode: ProgressMode, out: Output): Promise<BuildView> {
  const chosen = mode === 'auto' ? (out.isTerminal ? 'tty' : 'plain') : mode
  switch (chosen) {
    case 'tty':
      return (await import('./terminal-build-view.ts')).terminalBuildView(out)
    case 'plain':
      return (await import('./plain-build-view.ts')).plainBuildView(out)
    case 'json':
      return (await import('./json-build-view.ts')).jsonBuildView(out)
    case 'quiet':
      return { event: () => undefined, finish: () => undefined }
  }
}
