import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Context } from '../context.ts'
import type { ContainerRecord } from '../container/record.ts'
import { containerDirectory } from '../verbs/create.ts'
import { hostsOf } from './hosts-file.ts'

/** What a container's hosts and resolv.conf say of its networks. */
export interface NetworkFiles {
  readonly hosts: string
  readonly resolvConf: string
}

/** The files as they are written for a container that has the networks of its record. */
export function networkFiles(record: ContainerRecord, resolvConf: string): NetworkFiles {
  const { endpoints } = record.progress
  return { hosts: hostsOf(record, { namespace: 'private', endpoints }), resolvConf }
}

/**
 * Changes hosts and resolv.conf of a container that runs, line by line: what the container itself has written there stays. The files are
 * mounted, so they are written in place.
 */
export function refreshFiles(context: Context, id: string, files: { before: NetworkFiles; after: NetworkFiles }): void {
  const { before, after } = files
  const directory = containerDirectory(context, id)
  edit(join(directory, 'hosts'), before.hosts, after.hosts)
  edit(join(directory, 'resolv.conf'), before.resolvConf, after.resolvConf)
}

function edit(path: string, before: string, after: string): void {
  if (before === after) return
  const present = readFileSync(path, 'utf8')
  writeFileSync(path, present === before ? after : editLines(present, before.split('\n'), after.split('\n')))
}

function editLines(present: string, before: readonly string[], after: readonly string[]): string {
  const gone = new Set(before.filter((line) => !after.includes(line)))
  const kept = present.split('\n').filter((line) => line !== '' && !gone.has(line))
  const added = after.filter((line) => line !== '' && !before.includes(line) && !kept.includes(line))
  return `${[...kept, ...added].join('\n')}\n`
}
