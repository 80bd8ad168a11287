import type { Migrations } from '@gantry/state'

/** The tables of the limits: how large blobs are, and who has pushed what. */
export const limitsMigrations: Migrations = {
  name: 'registry-limits',
  steps: [
    `CREATE TABLE registry_blob_sizes (
       digest TEXT PRIMARY KEY,
       size INTEGER NOT NULL
     ) STRICT, WITHOUT ROWID;

     CREATE TABLE registry_pushes (
       principal TEXT NOT NULL,
       repository TEXT NOT NULL,
       digest TEXT NOT NULL,
       PRIMARY KEY (principal, repository, digest)
     ) STRICT, WITHOUT ROWID;`,
  ],
}
