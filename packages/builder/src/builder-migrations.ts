import type { Migrations } from '@gantry/state'

/** The tables of the builder: which key made which layer, what files were hashed to, and what was downloaded. */
export const builderMigrations: Migrations = {
  name: 'builder',
  steps: [
    `CREATE TABLE builder_steps (
       key TEXT PRIMARY KEY,
       layer TEXT NOT NULL,
       instruction TEXT NOT NULL,
       made INTEGER NOT NULL,
       used INTEGER NOT NULL
     ) STRICT, WITHOUT ROWID;
     CREATE TABLE builder_files (
       dev INTEGER NOT NULL,
       ino INTEGER NOT NULL,
       size INTEGER NOT NULL,
       mtime REAL NOT NULL,
       ctime REAL NOT NULL,
       digest TEXT NOT NULL,
       PRIMARY KEY (dev, ino)
     ) STRICT, WITHOUT ROWID`,
    `CREATE TABLE builder_downloads (
       url TEXT PRIMARY KEY,
       digest TEXT NOT NULL,
       size INTEGER NOT NULL,
       name TEXT NOT NULL,
       etag TEXT,
       modified TEXT,
       used INTEGER NOT NULL
     ) STRICT, WITHOUT ROWID`,
    `CREATE TABLE builder_outlines (
       key TEXT PRIMARY KEY,
       kind TEXT NOT NULL,
       written TEXT NOT NULL,
       outline BLOB NOT NULL,
       made INTEGER NOT NULL
     ) STRICT;
     CREATE INDEX builder_outlines_written ON builder_outlines (kind, written, made);
     CREATE TABLE builder_places (
       place TEXT PRIMARY KEY,
       key TEXT NOT NULL,
       used INTEGER NOT NULL
     ) STRICT, WITHOUT ROWID;
     CREATE INDEX builder_places_key ON builder_places (key)`,
    'ALTER TABLE builder_steps ADD COLUMN network TEXT',
    'CREATE TABLE builder_settings (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID',
    // A device number alone stands for whatever was mounted from it.
    `DELETE FROM builder_files;
     ALTER TABLE builder_files RENAME COLUMN dev TO volume`,
  ],
}
