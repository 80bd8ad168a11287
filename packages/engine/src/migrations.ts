import type { Migrations } from '@gantry/state'

/** The engine's tables in state.db. */
export const engineMigrations: Migrations = {
  name: 'engine',
  steps: [
    `CREATE TABLE engine_containers (
       id TEXT PRIMARY KEY,
       name TEXT NOT NULL UNIQUE,
       image TEXT NOT NULL,
       created REAL NOT NULL,
       status TEXT NOT NULL,
       origin TEXT NOT NULL,
       progress TEXT NOT NULL
     ) WITHOUT ROWID;
     CREATE INDEX engine_containers_image ON engine_containers (image);
     CREATE TABLE engine_volumes (
       name TEXT PRIMARY KEY,
       created REAL NOT NULL,
       anonymous INTEGER NOT NULL,
       labels TEXT NOT NULL,
       options TEXT NOT NULL
     ) WITHOUT ROWID;
     CREATE TABLE engine_events (
       sequence INTEGER PRIMARY KEY,
       time REAL NOT NULL,
       event TEXT NOT NULL
     );
     CREATE INDEX engine_events_time ON engine_events (time);`,
  ],
}
