import type { Host } from '../host/host.ts'
import type { Site } from '../site.ts'

/** What one check found. */
export interface Verdict {
  /** One word or two: `kernel`, `cgroups`, `firewall`. */
  readonly topic: string
  /** A warning works, but not as well as it could; a failure keeps containers from running. */
  readonly verdict: 'ok' | 'warning' | 'failure' | 'skipped'
  /** What was found. */
  readonly sentence: string
  /** The shell command, or else the sentence, that mends it. */
  readonly mend?: string
}

/** What a check looks at. */
export interface Checked {
  readonly host: Host
  readonly site: Site
}

/** One question to the machine. Needs no root, changes nothing. */
export type Check = (checked: Checked) => Promise<Verdict | readonly Verdict[]>
