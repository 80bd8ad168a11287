import type { Migrations } from '@gantry/state'

/**
 * The tables of the distribution API itself. `rebuildRegistry` makes them again: edges and referrers from the manifests, tags
 * and which repository has which manifest from the files beside the blobs.
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

    // What manifests lead to; how a digest of an upload is most likely asked for; which repositories differ from their files.
    `CREATE TABLE registry_edges (
       repository INTEGER NOT NULL,
       parent TEXT NOT NULL,
       child TEXT NOT NULL,
       kind TEXT NOT NULL,
       PRIMARY KEY (repository, parent, child, kind),
       FOREIGN KEY (repository, parent) REFERENCES registry_manifests (repository, digest) ON DELETE CASCADE
     ) STRICT, WITHOUT ROWID;
     CREATE INDEX registry_edges_child ON registry_edges (repository, child);

     ALTER TABLE registry_uploads ADD COLUMN algorithm TEXT NOT NULL DEFAULT 'sha256';
     ALTER TABLE registry_repositories ADD COLUMN changed INTEGER NOT NULL DEFAULT 1;
     ALTER TABLE registry_repositories ADD COLUMN projected INTEGER NOT NULL DEFAULT 0;`,

    // Digest and size of what an upload is about to become.
    'ALTER TABLE registry_uploads ADD COLUMN committing TEXT',
  ],
}
