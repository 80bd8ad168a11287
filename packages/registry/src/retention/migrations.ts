import type { Migrations } from '@gantry/state'

/** When manifests were pulled last, and how often. */
export const retentionMigrations: Migrations = {
  name: 'registry-retention',
  steps: [
    `CREATE TABLE registry_pulls (
       repository TEXT NOT NULL,
       digest TEXT NOT NULL,
       pulled INTEGER NOT NULL,
       count INTEGER NOT NULL,
       PRIMARY KEY (repository, digest)
     ) STRICT, WITHOUT ROWID;`,
  ],
}
