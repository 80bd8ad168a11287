import type { ContainerConfig } from './container.ts'

/** One row of `GET /images/json`. */
export interface ImageSummary {
  Id: string
  ParentId: string
  RepoTags: string[]
  RepoDigests: string[]
  /** Seconds since the epoch. */
  Created: number
  Size: number
  SharedSize: number
  Labels: Record<string, string> | null
  Containers: number
}

/** The answer of `GET /images/{name}/json`. */
export interface ImageInspect {
  Id: string
  RepoTags: string[]
  RepoDigests: string[]
  Parent: string
  Comment: string
  /** RFC 3339. */
  Created?: string
  DockerVersion: string
  Author: string
  Config: ContainerConfig
  Architecture: string
  Variant?: string
  Os: string
  Size: number
  GraphDriver: { Name: string; Data: Record<string, string> | null }
  RootFS: { Type: string; Layers: string[] }
  Metadata: { LastTagTime: string }
  /** The manifest's descriptor, as newer engines answer. */
  Descriptor?: { mediaType: string; digest: string; size: number }
}

/** One row of `GET /images/{name}/history`. */
export interface ImageHistoryItem {
  Id: string
  Created: number
  CreatedBy: string
  Tags: string[] | null
  Size: number
  Comment: string
}

/** One row of the answer of `DELETE /images/{name}`. */
export interface ImageDeleted {
  Untagged?: string
  Deleted?: string
}

/** One line of a progress stream: pull, push, load, build. */
export interface ProgressMessage {
  stream?: string
  status?: string
  id?: string
  progress?: string
  progressDetail?: { current?: number; total?: number }
  /** Gantry's own at the end of a pull or push: bytes that moved, and bytes that were there already. */
  aux?: { ID?: string; Tag?: string; Digest?: string; Size?: number; Transferred?: number; Reused?: number }
  error?: string
  errorDetail?: { code?: number; message: string }
}
