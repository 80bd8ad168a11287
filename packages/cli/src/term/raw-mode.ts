import { runStatus } from '@gantry/process'

/**
 * Hands the keyboard to a container: no echo, no line editing, no signals by key. The returned function gives it back;
 * it is idempotent, and runs at exit too, whatever the reason.
 *
 * Node's raw mode keeps output processing on, which turns every line feed into a new line: full-screen programs in the
 * container send bare ones. `stty` turns that off; leaving raw mode restores all of it.
 */
export async function enterRawMode(): Promise<() => void> {
  const { stdin } = process
  if (!stdin.isTTY) return () => undefined
  stdin.setRawMode(true)
  let isRaw = true
  const restore = (): void => {
    if (!isRaw) return
    isRaw = false
    stdin.setRawMode(false)
  }
  process.once('exit', restore)
  await runStatus('stty', ['-F', `/proc/${process.pid}/fd/0`, '-opost']).catch(() => undefined)
  return restore
}
