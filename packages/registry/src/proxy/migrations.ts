import type { Migrations } from '@gantry/state'

/** What the cache knows beside the content itself. All of it may be lost: it is asked for again. */
export const proxyMigrations: Migrations = {
  name: 'registry_proxy',
  steps: [
    `CREATE TABLE registry_proxy_tags (
       repository TEXT NOT NULL,
       tag TEXT NOT NULL,
       digest TEXT NOT NULL,
       media_type TEXT NOT NULL,
       size INTEGER NOT NULL,
       checked INTEGER NOT NULL,
       PRIMARY KEY (repository, tag)
     ) STRICT, WITHOUT ROWID;

     CREATE TABLE registry_proxy_lists (
       repository TEXT NOT NULL,
       what TEXT NOT NULL,
       content TEXT NOT NULL,
       checked INTEGER NOT NULL,
       PRIMARY KEY (repository, what)
     ) STRICT, WITHOUT ROWID;`,
  ],
}
