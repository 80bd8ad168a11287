export { blobStoreContract } from './blobs/blob-store-contract.ts'
export { tagContract, type TagContractOptions } from './blobs/tag-contract.ts'
export { referrersContract } from './blobs/referrers-contract.ts'
export {
  fixtureOf,
  type Fixture,
  type MakeBlobStore,
  type MakeReferrerStore,
  type MakeTagStore,
} from './blobs/store-fixture.ts'
export { testCodec } from './blobs/test-codec.ts'
export { expectCode } from './blobs/expect-code.ts'
export { bodyOf, bytesOf, describe as describeContent, readAll } from './blobs/bytes.ts'
export { characterDevice, directory, fifo, file, hardlink, symlink, type EntryOptions } from './fixtures/entries.ts'
export { busyboxLayer, busyboxMissing } from './fixtures/busybox-layer.ts'
export { runTool, temporaryDirectory, toolsMissing } from './fixtures/tool.ts'
export { imageOf, type ImageOfOptions } from './images/image-of.ts'
export { busyboxImage } from './images/busybox-image.ts'
export { hostPlatform } from './images/host-platform.ts'
