import type { Migrations } from '@gantry/state'

/** Where the checking of blobs has come to. */
export const scrubMigrations: Migrations = {
  name: 'registry_scrub',
  steps: [
    `CREATE TABLE registry_scrub (
       id INTEGER PRIMARY KEY CHECK (id = 0),
       position TEXT NOT NULL,
       started INTEGER NOT NULL,
       completed INTEGER
     ) STRICT;
     INSERT INTO registry_scrub VALUES (0, '', 0, NULL);`,
  ],
}
