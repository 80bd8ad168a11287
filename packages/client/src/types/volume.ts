/** The body of `POST /volumes/create`. An empty name asks for a generated one. */
export interface VolumeCreateBody {
  Name?: string
  Driver?: string
  DriverOpts?: Record<string, string> | null
  Labels?: Record<string, string> | null
}

/** A named place for data that outlives containers. */
export interface Volume {
  Name: string
  Driver: string
  Mountpoint: string
  CreatedAt: string
  Labels: Record<string, string>
  Scope: 'local' | 'global'
  Options: Record<string, string> | null
}

/** The answer of `GET /volumes`. */
export interface VolumeList {
  Volumes: Volume[]
  Warnings: string[]
}
