import { build } from '../build.ts'
import { World } from './world.ts'

// Builds a context in a root and ends; a test kills it in the middle (GANTRY_FAULT_AT) or runs several at once.
const [root = '', context = '', noCache] = process.argv.slice(2)
const world = await World.open(root)
const { digest } = await build({ context, environment: {}, noCache: noCache === 'no-cache' }, world.ports)
process.stdout.write(digest)
await world.codec.close()
process.exit(0)
