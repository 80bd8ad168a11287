import type { DatabaseSync } from 'node:sqlite'
import { StateError } from './state-error.ts'
import { translateError } from './sqlite-errors.ts'

/** The schema of one package: its name, which is also the prefix of its tables, and the steps that make it. */
export interface Migrations {
  /** The package, and the prefix of its tables: `store` owns `store_names`. */
  readonly name: string
  /** SQL; step n takes schema n to n + 1. A released step never changes: a new one is added after it. */
  readonly steps: readonly string[]
}

/**
 * Brings the schemas up to date, all in one durable transaction: another process sees the old schemas or the new ones, and
 * two that migrate at once do it once. Packages in the database that are not asked for are left alone.
 *
 * @throws StateError STATE_TOO_NEW when the database holds a schema newer than these steps make; nothing is changed
 * @throws StateError MIGRATION_FAILED when a step fails; nothing is changed
 */
export function migrate(db: DatabaseSync, migrations: readonly Migrations[], path: string): void {
  if (isCurrent(db, migrations, path)) return
  db.exec('PRAGMA synchronous = FULL')
  db.exec('BEGIN IMMEDIATE')
  try {
    db.exec(`CREATE TABLE IF NOT EXISTS schema (package TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT;
             CREATE TABLE IF NOT EXISTS state_barrier (id INTEGER PRIMARY KEY CHECK (id = 0), count INTEGER NOT NULL) STRICT;
             INSERT OR IGNORE INTO state_barrier VALUES (0, 0)`)
    const versions = readVersions(db)
    checkNotNewer(versions, migrations, path)
    for (const one of migrations) runSteps(db, one, versions.get(one.name) ?? 0, path)
    db.exec('COMMIT')
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK')
    throw error
  } finally {
    db.exec('PRAGMA synchronous = NORMAL')
  }
}

/**
 * Whether every schema asked for is exactly the one that these steps make.
 *
 * @throws StateError STATE_TOO_NEW when one is newer
 */
export function isCurrent(db: DatabaseSync, migrations: readonly Migrations[], path: string): boolean {
  const versions = readVersions(db)
  checkNotNewer(versions, migrations, path)
  return versions.size > 0 && migrations.every((one) => versions.get(one.name) === one.steps.length)
}

function readVersions(db: DatabaseSync): Map<string, number> {
  const exists = db.prepare(`SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'schema'`).get()
  const versions = new Map<string, number>()
  if (exists === undefined) return versions
  for (const row of db.prepare('SELECT package, version FROM schema').all()) {
    versions.set(String(row['package']), Number(row['version']))
  }
  return versions
}

function checkNotNewer(versions: ReadonlyMap<string, number>, migrations: readonly Migrations[], path: string): void {
  for (const { name, steps } of migrations) {
    const found = versions.get(name)
    if (found === undefined || found <= steps.length) continue
    throw new StateError(
      'STATE_TOO_NEW',
      `Cannot use ${JSON.stringify(path)}: a newer gantry wrote it (schema "${name}" is at ${found}, this gantry knows ${steps.length})`,
      { hint: 'upgrade gantry, or set GANTRY_ROOT to another directory' },
    )
  }
}

function runSteps(db: DatabaseSync, { name, steps }: Migrations, from: number, path: string): void {
  for (const [index, step] of steps.entries()) {
    if (index < from) continue
    try {
      db.exec(step)
    } catch (error) {
      const translated = translateError(error, path)
      if (translated !== error) throw translated
      const detail = error instanceof Error ? error.message : String(error)
      throw new StateError(
        'MIGRATION_FAILED',
        `Cannot migrate ${JSON.stringify(path)}: step ${index} of schema "${name}" failed (${detail})`,
        { cause: error, hint: 'the database is unchanged; use the gantry that wrote it, or report this' },
      )
    }
  }
  db.prepare(
    'INSERT INTO schema (package, version) VALUES (?, ?) ON CONFLICT (package) DO UPDATE SET version = excluded.version',
  ).run(name, steps.length)
}
