import type { Migrations } from '@gantry/state'

/** What readiness writes to, to see that it can. */
export const observeMigrations: Migrations = {
  name: 'registry_observe',
  steps: [
    `CREATE TABLE registry_health (
       id INTEGER PRIMARY KEY CHECK (id = 0),
       at INTEGER NOT NULL
     ) STRICT;`,
  ],
}
