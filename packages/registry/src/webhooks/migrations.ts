import type { Migrations } from '@gantry/state'

/** What webhooks have still to be told, and what they could not be told. */
export const webhookMigrations: Migrations = {
  name: 'registry_webhooks',
  steps: [
    `CREATE TABLE registry_webhook_deliveries (
       id INTEGER PRIMARY KEY AUTOINCREMENT,
       endpoint TEXT NOT NULL,
       event TEXT NOT NULL,
       kind TEXT NOT NULL,
       body TEXT NOT NULL,
       created INTEGER NOT NULL,
       attempts INTEGER NOT NULL DEFAULT 0,
       due INTEGER NOT NULL,
       failed INTEGER,
       error TEXT
     ) STRICT;
     CREATE INDEX registry_webhook_deliveries_due ON registry_webhook_deliveries (endpoint, due) WHERE failed IS NULL;
     CREATE INDEX registry_webhook_deliveries_failed ON registry_webhook_deliveries (endpoint, id) WHERE failed IS NOT NULL;`,
  ],
}
