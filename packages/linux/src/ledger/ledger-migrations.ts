import type { Migrations } from '@gantry/state'

/** The ledger's tables. */
export const ledgerMigrations: Migrations = {
  name: 'ledger',
  steps: [
    `CREATE TABLE ledger_holder (
       id INTEGER PRIMARY KEY,
       pid INTEGER NOT NULL,
       start_time TEXT NOT NULL,
       boot TEXT NOT NULL,
       UNIQUE (pid, start_time, boot)
     ) STRICT;
     CREATE TABLE ledger_owner (
       owner TEXT PRIMARY KEY,
       state TEXT NOT NULL CHECK (state IN ('making', 'settled', 'undoing')),
       holder INTEGER NOT NULL REFERENCES ledger_holder (id)
     ) STRICT, WITHOUT ROWID;
     CREATE TABLE ledger_entry (
       sequence INTEGER PRIMARY KEY AUTOINCREMENT,
       owner TEXT NOT NULL,
       holder INTEGER NOT NULL REFERENCES ledger_holder (id),
       kind TEXT NOT NULL,
       why TEXT NOT NULL,
       args TEXT NOT NULL,
       prior TEXT,
       identity TEXT,
       state TEXT NOT NULL CHECK (state IN ('planned', 'done', 'undone', 'failed')),
       started INTEGER NOT NULL,
       duration REAL,
       consequence INTEGER NOT NULL
     ) STRICT;
     CREATE INDEX ledger_entry_owner ON ledger_entry (owner, sequence)`,
  ],
}
