import type { Migrations } from '@gantry/state'
import { accessMigrations } from './access/migrations.ts'
import { gcMigrations } from './gc/migrations.ts'
import { limitsMigrations } from './limits/migrations.ts'
import { coreMigrations } from './migrations.ts'
import { observeMigrations } from './observe/migrations.ts'
import { proxyMigrations } from './proxy/migrations.ts'
import { scrubMigrations } from './scrub/migrations.ts'
import { retentionMigrations } from './retention/migrations.ts'
import { webhookMigrations } from './webhooks/migrations.ts'

/** The tables of every part of the registry: a state is opened with all of them. */
export const registryMigrations: readonly Migrations[] = [
  coreMigrations,
  accessMigrations,
  gcMigrations,
  limitsMigrations,
  observeMigrations,
  proxyMigrations,
  scrubMigrations,
  retentionMigrations,
  webhookMigrations,
]
