export { referenceTexts } from './fuzz/references.ts'
export { tarEntries, type GeneratedEntry } from './fuzz/tar-entries.ts'
export { layerStacks } from './fuzz/layer-stacks.ts'
