import type { Migrations } from '@gantry/state'

/** What collections of garbage did. */
export const gcMigrations: Migrations = {
  name: 'registry_gc',
  steps: [
    `CREATE TABLE registry_gc_runs (
       id INTEGER PRIMARY KEY AUTOINCREMENT,
       started INTEGER NOT NULL,
       took INTEGER NOT NULL,
       blobs INTEGER NOT NULL,
       bytes INTEGER NOT NULL,
       uploads INTEGER NOT NULL,
       links INTEGER NOT NULL
     ) STRICT;
     CREATE TABLE registry_gc_totals (
       id INTEGER PRIMARY KEY CHECK (id = 0),
       runs INTEGER NOT NULL,
       blobs INTEGER NOT NULL,
       bytes INTEGER NOT NULL,
       took INTEGER NOT NULL
     ) STRICT;
     INSERT INTO registry_gc_totals VALUES (0, 0, 0, 0, 0);`,
  ],
}
