export { OciError, type OciErrorCode } from './errors.ts'
export { limits } from './limits.ts'
export { quote } from './quote.ts'
export { encodeJson, parseJson } from './json.ts'
export { digestAlgorithm, digestHex, isDigest, parseDigest, type Digest, type DigestAlgorithm } from './digest.ts'
export {
  formatPlatform,
  matchesPlatform,
  normalizePlatform,
  parsePlatform,
  selectPlatform,
  type Platform,
} from './platform.ts'
export { parseDescriptor, type Descriptor } from './descriptor.ts'
export {
  MediaType,
  isConfigType,
  isIndexType,
  isLayerType,
  isManifestType,
  isNondistributableType,
  layerCompression,
  type LayerCompression,
} from './media-type.ts'
export {
  parseIndex,
  parseManifest,
  parseManifestOrIndex,
  type Index,
  type Manifest,
  type ManifestOrIndex,
} from './manifest.ts'
export {
  parseImageConfig,
  type ContainerConfig,
  type EmptyObject,
  type Healthcheck,
  type HistoryEntry,
  type ImageConfig,
  type RootFs,
} from './image-config.ts'
export {
  familiarReference,
  formatReference,
  isRepositoryName,
  isTag,
  parseReference,
  type Reference,
} from './reference.ts'
export { layoutFile, parseLayoutFile, refNameAnnotation } from './layout.ts'
