import type { State } from '@gantry/state'
import type { Store } from '@gantry/store'

/** The keys of uploads are UUIDs; others stage under other keys. */
const uploadKey = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * Removes uploads that nobody has gone on with since a time, and the files of those that the database knows nothing of. A server
 * that has one of them open answers its client that there is no such upload.
 */
export async function removeUploads(
  { state, store }: { readonly state: State; readonly store: Store },
  options: { readonly dryRun: boolean; readonly before: number; readonly signal?: AbortSignal },
): Promise<{ readonly uploads: number; readonly bytes: number }> {
  const { dryRun, before, signal } = options
  const known = new Set(column(state.prepare('SELECT id FROM registry_uploads WHERE used >= ?').all(before)))
  const rows = column(state.prepare('SELECT id FROM registry_uploads WHERE used < ?').all(before))
  const files = new Map(
    store
      .staged()
      .filter(({ key, used }) => uploadKey.test(key) && used < before && !known.has(key))
      .map(({ key, size }) => [key, size]),
  )
  let bytes = 0
  let uploads = 0
  for (const id of new Set([...rows, ...files.keys()])) {
    signal?.throwIfAborted()
    if (!dryRun && !forget(state, id, before)) continue
    uploads += 1
    bytes += files.get(id) ?? 0
    if (!dryRun) await store.unstage(id)
  }
  return { uploads, bytes }
}

/** False when somebody has just gone on with it. */
function forget(state: State, id: string, before: number): boolean {
  return state.transaction(() => {
    const used = state.prepare('SELECT used FROM registry_uploads WHERE id = ?').get(id)?.['used']
    if (typeof used === 'number' && used >= before) return false
    state.prepare('DELETE FROM registry_uploads WHERE id = ?').run(id)
    return true
  })
}

function column(rows: readonly Readonly<Record<string, unknown>>[]): readonly string[] {
  return rows.map((row) => String(row['id']))
}
