import { createRequire } from 'node:module'

const addon = createRequire(import.meta.url)('./build/Release/popcount.node')

/** @type {(bytes: Uint8Array) => number} */
export const popcount = addon.popcount
