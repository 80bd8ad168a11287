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

/** The answer of `POST /images/prune`. */
export interface ImagesPruned {
  ImagesDeleted: ImageDeleted[] | null
  SpaceReclaimed: number
}

/** What images and other content take on the disk. */
export interface ContentDiskUsage {
  /** Bytes of everything that images need, each once: their blobs, and their unpacked layers. */
  LayersSize: number
  /** With `Size` of blobs and unpacked layers together, of which `SharedSize` is needed by other images too, and `Containers`. */
  Images: ImageSummary[]
  /** Bytes that no container needs. */
  Reclaimable: number
  Blobs: { Count: number; Size: number }
  UnpackedLayers: { Count: number; Size: number }
  /** Of the unpacked layers, those whose blobs are here as well; `Reclaimable` is of images that no container was made from. */
  StoredTwice: { Count: number; Size: number; Reclaimable: number }
  /** What belongs to no image: repositories of the registry, artifacts, layers of earlier builds. */
  Other: { Count: number; Size: number; Reclaimable: number }
}

/** Something that builds keep for later ones, in {@link SystemDiskUsage}. */
export interface BuildCacheRecord {
  ID: string
  Type: string
  Description: string
  InUse: boolean
  /** An image has it as well: removing it frees nothing. */
  Shared: boolean
  Size: number
  CreatedAt: string
  LastUsedAt: string
  UsageCount: number
}

/** The answer of `GET /system/df`; `Content` is Gantry's own. */
export interface SystemDiskUsage {
  LayersSize: number
  Images: ImageSummary[]
  Containers: {
    Id: string
    Names: string[]
    Image: string
    State: string
    Status: string
    Created: number
    SizeRw?: number
  }[]
  Volumes: { Name: string; Driver: string; Mountpoint: string; UsageData?: { Size: number; RefCount: number } }[]
  BuildCache: BuildCacheRecord[]
  Content: ContentDiskUsage
}
