import { readFile, readdir } from 'node:fs/promises'

/** The children of all of a process's threads. A process that is gone has none. */
export async function childrenOf(pid: number): Promise<number[]> {
  const tasks = await readdir(`/proc/${pid}/task`).catch(() => [])
  const lists = await Promise.all(
    tasks.map((task) => readFile(`/proc/${pid}/task/${task}/children`, 'utf8').catch(() => '')),
  )
  return lists.flatMap((text) => text.split(' ').filter(Boolean).map(Number))
}

/** A process and everything below it. */
export async function treeOf(pid: number): Promise<number[]> {
  const below = await Promise.all((await childrenOf(pid)).map(treeOf))
  return [pid, ...below.flat()]
}

/** A running process. */
export interface Running {
  readonly pid: number
  readonly parent: number
  /** The program's name, cut to 15 characters by the kernel. */
  readonly name: string
  readonly commandLine: string
}

/** All running processes. */
export async function allProcesses(): Promise<Running[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(
    pids.map(async (pid): Promise<Running[]> => {
      const [stat, line] = await Promise.all([
        readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''),
        readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''),
      ])
      const match = /^\d+ \((.*)\) \S (\d+)/s.exec(stat)
      if (match === null) return []
      return [
        {
          pid: Number(pid),
          parent: Number(match[2]),
          name: match[1] ?? '',
          commandLine: line.replaceAll('\0', ' ').trim(),
        },
      ]
    }),
  )
  return found.flat()
}

/** Proportional set size of a process in bytes: shared pages count by how many share them. 0 when it is gone. */
export async function pssOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '')
  return Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) * 1024
}

/** The sum over several processes. */
export async function pssOfAll(pids: readonly number[]): Promise<number> {
  const all = await Promise.all(pids.map(pssOf))
  return all.reduce((sum, one) => sum + one, 0)
}
