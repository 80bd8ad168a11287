import type { Flag } from '../flags/flag.ts'
import type { TransferProgress } from './show-transfer.ts'
import { choice } from '../flags/flag.ts'

/** `--progress` of commands that move images. */
export const progressFlag: Flag<TransferProgress | undefined> = choice(
  'Set type of progress output ("auto", "plain", "tty", "json")',
  ['auto', 'plain', 'tty', 'json'],
)

/** What help says of `--progress=json`. */
export const progressDetails: string = `With --progress=json every line is an object:
  {"kind":"layer","id":"...","status":"Downloading","current":1048576,"total":4194304}
  {"kind":"message","text":"..."}
  {"kind":"summary","verb":"pull","reference":"...","digest":"...","transferred":0,"reused":0,"milliseconds":0}
where current and total are bytes and are left out where there are none.`
