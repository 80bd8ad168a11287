export { ImageError, type ImageErrorCode, type Side } from './errors.ts'
export type { BlobIngester, BlobReader, BlobSink, BlobSource, ByteRange, OpenOptions, PutOptions } from './blob.ts'
export type {
  DriveOptions,
  DrawingSink,
  FillingSource,
  GrowingFile,
  PartialBlob,
  PartialSink,
  Span,
} from './partial.ts'
export type { ReferrerLister, TagResolver, TagWriter } from './tags.ts'
export type { Codec, CompressOptions, Hasher, Hashing } from './codec.ts'
export type { Image, ImageIndex, Layer, LayerOptions } from './image.ts'
export { openImage, openIndex, viewLayer, type OpenImageOptions } from './open-image.ts'
export { assembleImage, assembleIndex, type AssembleOptions, type ImageParts, type LayerParts } from './assemble.ts'
export { mutate, type AppendedLayer, type ImageChange } from './mutate.ts'
export { ingestLayer, type IngestLayerOptions } from './ingest-layer.ts'
export { validateImage, type ValidateOptions } from './validate.ts'
export { copy, type CopyOptions, type CopyProgress } from './copy.ts'
export { convertImage, type ConvertOptions, type ImageFormat } from './copy-convert.ts'
export { copyAttached, listReferrers, type AttachedSink } from './copy-attached.ts'
export {
  fallbackTag,
  attachedTo,
  findAttached,
  type Attached,
  type AttachedSource,
  type FindAttachedOptions,
} from './copy-referrers.ts'
export { prepareCopy, type PrepareCopyOptions, type PreparedCopy } from './copy-prepare.ts'
export { selectPlatforms, type SelectPlatformsOptions, type SourceView } from './copy-platforms.ts'
export { childrenOf, hasChildren, type ChildrenOptions } from './children.ts'
export { chainIds } from './chain-ids.ts'
export { abortable } from './abortable.ts'
export { verified, verifiedTar } from './verified.ts'
export { collect, describeBytes, readerOf, resolveRange } from './bytes.ts'
export { overlaySource } from './overlay-source.ts'
export { readDocument } from './read-document.ts'
export { referrerOf, type Referrer } from './referrer.ts'
export { createLimiter, type Limiter } from './limiter.ts'
export { MemoryStore } from './memory-store.ts'
export { randomBytes, randomImage, type RandomImageOptions } from './random-image.ts'
export {
  saveArchive,
  saveDockerArchive,
  type ArchivedImage,
  type ArchiveKind,
  type SaveOptions,
} from './archive/save.ts'
export { loadArchive, type LoadOptions } from './archive/load.ts'
export { findLayoutEntry, layoutEntries, type LayoutEntry } from './archive/layout-names.ts'
export { layoutReferrers, type LayoutView } from './archive/layout-referrers.ts'
export { openArchive, type ImageArchive, type OpenArchiveOptions } from './archive/open-archive.ts'
export { plainArchive, type PlainArchive } from './archive/plain-archive.ts'
export type { RandomAccess } from './archive/random-access.ts'
export type { BlobSpool } from './archive/spooled.ts'
export { append, type AppendOptions, type NewLayer } from './tools/append.ts'
export {
  diffImages,
  type DiffImagesOptions,
  type FieldDifference,
  type FileAspect,
  type FileDifference,
  type FileState,
  type ImageDifference,
  type LayerDifference,
} from './tools/diff-images.ts'
export { editConfig, type ConfigEdits } from './tools/edit-config.ts'
export { exportTar, type ExportOptions } from './tools/export-files.ts'
export { FileView, type FileChange, type Inode } from './tools/file-view.ts'
export { flatten, type FlattenOptions } from './tools/flatten.ts'
export { imageTree, type ImageFile, type ImageTree, type ImageTreeOptions } from './tools/image-tree.ts'
export { readFiles, type LayerFiles, type ReadFilesOptions } from './tools/read-files.ts'
export { baseAnnotations, rebase, type RebaseOptions } from './tools/rebase.ts'
export { validateContent, type ContentProblem, type ValidateContentOptions } from './tools/validate-content.ts'
export { assembleArtifact, type Artifact, type ArtifactBlob, type ArtifactParts } from './tools/artifact.ts'
export { bundleType, encodeBundle, parseBundle, type Bundle } from './tools/signing/bundle.ts'
export { signaturePredicate, signImage, type SignOptions } from './tools/signing/sign-image.ts'
export type { Signer, Verifier } from './tools/signing/signer.ts'
export {
  verifyImage,
  type CheckedSignature,
  type SignedPlace,
  type VerifyOptions,
} from './tools/signing/verify-image.ts'
export { mapImages, type ContentView, type MapImagesOptions } from './tools/map-images.ts'
export { parseNamePattern, selectsName, type NamePattern } from './sync/name-pattern.ts'
export { parseVersionRange, type VersionRange } from './sync/version-range.ts'
export { SyncError } from './sync/sync-error.ts'
export {
  syncRepository,
  type SyncOptions,
  type SyncRule,
  type SyncSource,
  type SyncStep,
  type SyncTarget,
} from './sync/sync-repository.ts'
export { parseSyncConfig, parseSyncRule, type SyncJob, type SyncRuleTexts } from './sync/sync-config.ts'
export { unlistReferrer } from './tools/unlist-referrer.ts'
