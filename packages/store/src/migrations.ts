import type { Migrations } from '@gantry/state'

/** The store's tables. */
export const storeMigrations: Migrations = {
  name: 'store',
  steps: [
    `CREATE TABLE store_names (
       name TEXT PRIMARY KEY,
       descriptor TEXT NOT NULL,
       digest TEXT NOT NULL,
       created INTEGER NOT NULL
     ) STRICT;
     CREATE INDEX store_names_digest ON store_names (digest);

     CREATE TABLE store_pins (
       owner TEXT NOT NULL,
       digest TEXT NOT NULL,
       PRIMARY KEY (owner, digest)
     ) STRICT, WITHOUT ROWID;
     CREATE INDEX store_pins_digest ON store_pins (digest);

     CREATE TABLE store_leases (
       id INTEGER PRIMARY KEY AUTOINCREMENT,
       holder TEXT NOT NULL,
       expires INTEGER NOT NULL,
       since INTEGER
     ) STRICT;
     CREATE TABLE store_lease_digests (
       lease INTEGER NOT NULL REFERENCES store_leases (id) ON DELETE CASCADE,
       digest TEXT NOT NULL,
       PRIMARY KEY (lease, digest)
     ) STRICT, WITHOUT ROWID;

     CREATE TABLE store_generation (
       id INTEGER PRIMARY KEY CHECK (id = 0),
       roots INTEGER NOT NULL,
       names INTEGER NOT NULL,
       projected INTEGER NOT NULL
     ) STRICT;
     INSERT INTO store_generation VALUES (0, 0, 0, -1);

     CREATE TABLE store_identity (
       id INTEGER PRIMARY KEY CHECK (id = 0),
       text TEXT NOT NULL
     ) STRICT;
     INSERT INTO store_identity VALUES (0, lower(hex(randomblob(16))));

     CREATE TABLE store_compressed (
       diff_id TEXT NOT NULL,
       kind TEXT NOT NULL,
       encoder TEXT NOT NULL,
       media_type TEXT NOT NULL,
       digest TEXT NOT NULL,
       size INTEGER NOT NULL,
       PRIMARY KEY (diff_id, kind, encoder)
     ) STRICT, WITHOUT ROWID;

     CREATE TABLE store_events (
       id INTEGER PRIMARY KEY AUTOINCREMENT,
       time INTEGER NOT NULL,
       kind TEXT NOT NULL,
       name TEXT,
       digest TEXT,
       attributes TEXT NOT NULL
     ) STRICT;
     CREATE INDEX store_events_time ON store_events (time);`,

    // Small blobs whose files may not be on the disk yet.
    `CREATE TABLE store_documents (
       id INTEGER PRIMARY KEY AUTOINCREMENT,
       holder TEXT NOT NULL,
       digest TEXT NOT NULL,
       bytes BLOB NOT NULL
     ) STRICT;
     CREATE INDEX store_documents_holder ON store_documents (holder);`,

    // When the machine was started, in milliseconds by the clock that it had then.
    `CREATE TABLE store_clock (
       id INTEGER PRIMARY KEY CHECK (id = 0),
       boot TEXT NOT NULL,
       started INTEGER NOT NULL
     ) STRICT`,
  ],
}
