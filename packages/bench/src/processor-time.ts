import { readFile } from 'node:fs/promises'

/** Milliseconds of processor time that processes have had, system and user: the kernel counts hundredths of a second. */
export async function processorTime(pids: readonly number[]): Promise<number> {
  let ticks = 0
  for (const pid of pids) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    ticks += Number(fields[11]) + Number(fields[12])
  }
  return ticks * 10
}
