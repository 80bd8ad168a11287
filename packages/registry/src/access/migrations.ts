import type { Migrations } from '@gantry/state'

/** The tables of the access control. The database is readable for its owner alone. */
export const accessMigrations: Migrations = {
  name: 'registry-access',
  steps: [
    `CREATE TABLE registry_access_secrets (
       name TEXT PRIMARY KEY,
       value BLOB NOT NULL
     ) STRICT, WITHOUT ROWID;

     CREATE TABLE registry_api_keys (
       id TEXT PRIMARY KEY,
       name TEXT NOT NULL UNIQUE,
       user TEXT,
       rules TEXT,
       hash BLOB NOT NULL,
       created INTEGER NOT NULL,
       expires INTEGER,
       used INTEGER
     ) STRICT, WITHOUT ROWID;`,
  ],
}
