import { describe as suite } from 'node:test'
import { readingContract } from './reading-contract.ts'
import type { MakeBlobStore } from './store-fixture.ts'
import { writingContract } from './writing-contract.ts'

/**
 * What every `BlobSource & BlobSink` promises, as tests: reading and ranges; verification of size and digest; puts that
 * are idempotent and atomic, also when they fail, are aborted, or are many at once. `makeStore` makes an empty one for
 * each test.
 */
export function blobStoreContract(name: string, makeStore: MakeBlobStore): void {
  suite(`${name} keeps the contract of blob stores`, () => {
    readingContract(makeStore)
    writingContract(makeStore)
  })
}
