import type { Flag } from '../flags/flag.ts'
import type { TransferProgress } from './show-transfer.ts'
import { choice } from '../flags/flag.ts'

/** `--progress` of commands that move images. */
export const progressFlag: Flag<TransferProgress | undefined> = choice(
  'Set type of progress output ("auto", "plain", "tty", "json")',
  ['auto', 'plain', 'tty', 'json'],
)

/** What help says of `--progress=json`. */
export const progressDetails: string = `With --progress=json every line is an object; sizes are in bytes:
  {"kind":"layer","id":"...","status":"Downloading","current":10,"total":40}
  {"kind":"message","text":"..."}
  {"kind":"summary","verb":"pull","reference":"...","digest":"...",
   "transferred":40,"reused":0,"milliseconds":7} (on one line)`
