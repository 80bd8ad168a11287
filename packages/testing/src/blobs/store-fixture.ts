import type { BlobSink, BlobSource, ReferrerLister, TagResolver, TagWriter } from '@gantry/image'

/** A thing under test, and how it is put away. */
export interface Fixture<Store> extends AsyncDisposable {
  readonly store: Store
}

/** Makes an empty store for one test. */
export type MakeBlobStore = () => Promise<Fixture<BlobSource & BlobSink>>

/** Makes an empty store with names for one test. */
export type MakeTagStore = () => Promise<Fixture<BlobSource & BlobSink & TagResolver & TagWriter>>

/** Makes an empty store that lists referrers for one test. */
export type MakeReferrerStore = () => Promise<Fixture<BlobSource & BlobSink & ReferrerLister>>

/** A fixture of something that needs no putting away. */
export function fixtureOf<Store>(store: Store): Fixture<Store> {
  return { store, [Symbol.asyncDispose]: async () => undefined }
}
