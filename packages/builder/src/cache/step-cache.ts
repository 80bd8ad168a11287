import { type Descriptor, parseDescriptor } from '@gantry/oci'
import type { Migrations, State } from '@gantry/state'

/** The tables of the builder: which key made which layer, what files were hashed to, and what was downloaded. */
export const builderMigrations: Migrations = {
  name: 'builder',
  steps: [
    `CREATE TABLE builder_steps (
       key TEXT PRIMARY KEY,
       layer TEXT NOT NULL,
       instruction TEXT NOT NULL,
       made INTEGER NOT NULL,
       used INTEGER NOT NULL
     ) STRICT, WITHOUT ROWID;
     CREATE TABLE builder_files (
       dev INTEGER NOT NULL,
       ino INTEGER NOT NULL,
       size INTEGER NOT NULL,
       mtime REAL NOT NULL,
       ctime REAL NOT NULL,
       digest TEXT NOT NULL,
       PRIMARY KEY (dev, ino)
     ) STRICT, WITHOUT ROWID`,
    `CREATE TABLE builder_downloads (
       url TEXT PRIMARY KEY,
       digest TEXT NOT NULL,
       size INTEGER NOT NULL,
       name TEXT NOT NULL,
       etag TEXT,
       modified TEXT,
       used INTEGER NOT NULL
     ) STRICT, WITHOUT ROWID`,
  ],
}

/** Which layer a step made, by its key. */
export interface StepCache {
  /** The layer made under this key whose blob is still there. */
  find(key: string): Promise<Descriptor | undefined>
  /** Remembers a layer under keys that all mean it; the last to write wins, which makes no difference. */
  record(keys: readonly string[], layer: Descriptor, instruction: string): void
}

/** What a cache asks of the store: whether a blob is still there. */
export type HasBlob = (descriptor: Descriptor) => Promise<boolean>

/** A cache in the table `builder_steps`; entries whose blob was collected are forgotten when they are met. */
export function createStepCache(state: State, has: HasBlob): StepCache {
  return {
    async find(key) {
      const row = state.prepare('SELECT layer, used FROM builder_steps WHERE key = ?').get(key)
      if (row === undefined) return undefined
      const layer = parseDescriptor(JSON.parse(String(row['layer'])))
      if (!(await has(layer))) {
        state.prepare('DELETE FROM builder_steps WHERE key = ?').run(key)
        return undefined
      }
      const now = Date.now()
      // Good enough for pruning by age, and a build that only hits writes nothing.
      if (now - Number(row['used']) > 3_600_000) {
        state.prepare('UPDATE builder_steps SET used = ? WHERE key = ?').run(now, key)
      }
      return layer
    },
    record(keys, layer, instruction) {
      const insert = state.prepare(
        `INSERT INTO builder_steps (key, layer, instruction, made, used) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (key) DO UPDATE SET layer = excluded.layer, made = excluded.made, used = excluded.used`,
      )
      const text = JSON.stringify(layer)
      const now = Date.now()
      state.transaction(() => {
        for (const key of keys) insert.run(key, text, instruction.slice(0, 1024), now, now)
      })
    },
  }
}
