import { randomBytes } from 'node:crypto'
import type { State } from '@gantry/state'

/**
 * The secret of that name, made when it is not there: 32 random bytes in the database, which its owner alone can read. All
 * processes over one database have the same.
 */
export function accessSecret(state: State, name: string): Buffer {
  const select = 'SELECT value FROM registry_access_secrets WHERE name = ?'
  const found = state.prepare(select).get(name)?.['value']
  if (found instanceof Uint8Array) return Buffer.from(found)
  state.transaction(
    () =>
      state
        .prepare('INSERT INTO registry_access_secrets (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING')
        .run(name, randomBytes(32)),
    { durable: true },
  )
  return Buffer.from(state.prepare(select).get(name)?.['value'] as Uint8Array)
}

/** Makes another secret: everything that was signed with the old one is void, in processes that start from now on. */
export function replaceAccessSecret(state: State, name: string): void {
  const sql = `INSERT INTO registry_access_secrets (name, value) VALUES (?, ?)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value`
  state.transaction(() => state.prepare(sql).run(name, randomBytes(32)), { durable: true })
}
