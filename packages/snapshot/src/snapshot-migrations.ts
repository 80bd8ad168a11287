import type { Migrations } from '@gantry/state'

/** Tables of committed layers (one row a chain ID) and of writable snapshots (one row a key); both point at snapshots/<n>/. */
export const snapshotMigrations: Migrations = {
  name: 'snapshot',
  steps: [
    `CREATE TABLE snapshot_numbers (n INTEGER PRIMARY KEY AUTOINCREMENT) STRICT;
     CREATE TABLE snapshot_layers (
       n INTEGER PRIMARY KEY, chain TEXT NOT NULL UNIQUE, parent TEXT, diff_id TEXT NOT NULL,
       bytes INTEGER NOT NULL, created INTEGER NOT NULL, used INTEGER NOT NULL) STRICT;
     CREATE TABLE snapshot_uppers (
       n INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, parent TEXT, owner TEXT NOT NULL, directory INTEGER NOT NULL,
       mount INTEGER, mount_owner TEXT, volatile INTEGER NOT NULL, created INTEGER NOT NULL) STRICT;
     CREATE INDEX snapshot_layers_parent ON snapshot_layers (parent);`,
  ],
}
