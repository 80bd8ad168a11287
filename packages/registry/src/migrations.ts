import type { Migrations } from '@gantry/state'

/**
 * The tables of the distribution API itself. All of them can be made again from the manifests, but for tags and which repository
 * has which.
 */
export const coreMigrations: Migrations = {
  name: 'registry',
  steps: [
    `CREATE TABLE registry_repositories (
       id INTEGER PRIMARY KEY,
       name TEXT NOT NULL UNIQUE,
       created INTEGER NOT NULL
     ) STRICT;

     CREATE TABLE registry_blobs (
       repository INTEGER NOT NULL REFERENCES registry_repositories (id) ON DELETE CASCADE,
       digest TEXT NOT NULL,
       added INTEGER NOT NULL,
       PRIMARY KEY (repository, digest)
     ) STRICT, WITHOUT ROWID;
     CREATE INDEX registry_blobs_digest ON registry_blobs (digest);

     CREATE TABLE registry_manifests (
       repository INTEGER NOT NULL REFERENCES registry_repositories (id) ON DELETE CASCADE,
       digest TEXT NOT NULL,
       media_type TEXT NOT NULL,
       size INTEGER NOT NULL,
       subject TEXT,
       referrer TEXT,
       artifact_type TEXT,
       added INTEGER NOT NULL,
       PRIMARY KEY (repository, digest)
     ) STRICT, WITHOUT ROWID;
     CREATE INDEX registry_manifests_digest ON registry_manifests (digest);
     CREATE INDEX registry_manifests_subject ON registry_manifests (repository, subject) WHERE subject IS NOT NULL;

     CREATE TABLE registry_tags (
       repository INTEGER NOT NULL REFERENCES registry_repositories (id) ON DELETE CASCADE,
       tag TEXT NOT NULL,
       digest TEXT NOT NULL,
       updated INTEGER NOT NULL,
       PRIMARY KEY (repository, tag)
     ) STRICT, WITHOUT ROWID;
     CREATE INDEX registry_tags_digest ON registry_tags (repository, digest);

     CREATE TABLE registry_uploads (
       id TEXT PRIMARY KEY,
       repository INTEGER NOT NULL REFERENCES registry_repositories (id) ON DELETE CASCADE,
       used INTEGER NOT NULL
     ) STRICT, WITHOUT ROWID;`,
  ],
}
