import type { State } from './state.ts'
import { sqliteCode } from './sqlite-errors.ts'

/**
 * Reads the whole database and reports what is wrong with its structure, one sentence each; empty when it is sound.
 * For `doctor`: it takes time in proportion to the size of the file.
 */
export function checkState(state: State): readonly string[] {
  try {
    const found = state.db
      .prepare('PRAGMA quick_check')
      .all()
      .map((row) => String(row['quick_check']))
    return found.filter((sentence) => sentence !== 'ok')
  } catch (error) {
    if (sqliteCode(error) === undefined) throw error
    return [error instanceof Error ? error.message : String(error)]
  }
}
