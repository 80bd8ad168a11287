import type { Digest, DigestAlgorithm } from '@gantry/oci'
import type { State } from '@gantry/state'
import { steadyNow } from './clock/steady-clock.ts'

/** What an upload is about to become. */
export interface UploadResult {
  readonly digest: Digest
  readonly size: number
}

/** What the database knows of uploads under way; their bytes are the storage's. */
export class UploadRecords {
  readonly #state: State

  constructor(state: State) {
    this.#state = state
  }

  start(id: string, repository: number, algorithm: DigestAlgorithm): void {
    this.#state
      .prepare('INSERT INTO registry_uploads (id, repository, used, algorithm) VALUES (?, ?, ?, ?)')
      .run(id, repository, steadyNow(), algorithm)
  }

  /** By what an upload of the repository is hashed; `undefined` when there is none. It counts as used now. */
  use(id: string, repository: number): DigestAlgorithm | undefined {
    const row = this.#state
      .prepare('SELECT algorithm FROM registry_uploads WHERE id = ? AND repository = ?')
      .get(id, repository)
    if (row === undefined) return undefined
    try {
      this.#state.prepare('UPDATE registry_uploads SET used = ? WHERE id = ?').run(steadyNow(), id)
    } catch {
      // It only says that it is not abandoned: on a full disk an upload can still be asked about, and be given up.
    }
    return row['algorithm'] === 'sha512' ? 'sha512' : 'sha256'
  }

  /** Says that an upload is about to become a blob. */
  beginCommit(id: string, { digest, size }: UploadResult): void {
    const sql = 'UPDATE registry_uploads SET committing = ? WHERE id = ?'
    this.#state.prepare(sql).run(`${digest} ${size}`, id)
  }

  /** Whether an upload was about to become that blob when its server ended. */
  wasCommitting(id: string, { digest, size }: UploadResult): boolean {
    const sql = 'SELECT 1 FROM registry_uploads WHERE id = ? AND committing = ?'
    return this.#state.prepare(sql).get(id, `${digest} ${size}`) !== undefined
  }

  end(id: string): void {
    this.#state.prepare('DELETE FROM registry_uploads WHERE id = ?').run(id)
  }

  /** Uploads that nobody has touched since, in milliseconds. */
  abandoned(before: number): readonly string[] {
    const rows = this.#state.prepare('SELECT id FROM registry_uploads WHERE used < ?').all(before)
    return rows.map((row) => String(row['id']))
  }
}
