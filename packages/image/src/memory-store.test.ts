import { blobStoreContract, fixtureOf, referrersContract, tagContract, testCodec } from '@gantry/testing'
import { MemoryStore } from './memory-store.ts'

const makeStore = async () => fixtureOf(new MemoryStore(testCodec()))

blobStoreContract('MemoryStore', makeStore)
tagContract('MemoryStore', makeStore)
referrersContract('MemoryStore', makeStore)
