import { parseSync } from 'oxc-parser'
import { bundled } from './check-dependencies.ts'
import { beside, floorOf, floors } from './floors.ts'
import { isTest, packageOf, type SourceFile } from './source-files.ts'

/** Finds imports that go up a floor, across a floor, out of a package, or to Node from a pure floor. */
export function checkImports(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => importsOf(file).flatMap((specifier) => judge(file.path, specifier)))
}

function importsOf(file: SourceFile): string[] {
  const { module } = parseSync(file.path, file.text)
  const fixed = module.staticImports.map((entry) => entry.moduleRequest.value)
  const dynamic = module.dynamicImports.map((entry) =>
    file.text.slice(entry.moduleRequest.start, entry.moduleRequest.end).replace(/^['"`]|['"`]$/g, ''),
  )
  const exported = module.staticExports.flatMap((entry) =>
    entry.entries.flatMap((item) => (item.moduleRequest === null ? [] : [item.moduleRequest.value])),
  )
  return [...new Set([...fixed, ...dynamic, ...exported])]
}

function judge(path: string, specifier: string): string[] {
  const from = packageOf(path)
  if (from === undefined || beside.includes(from)) return []
  const floor = floorOf(from)
  if (floor === undefined) return [`${path}: package "${from}" is on no floor; name it in scripts/floors.ts`]
  if (specifier.startsWith('.'))
    return staysInside(path, specifier) ? [] : [`${path}: "${specifier}" leaves the package`]
  if (specifier.startsWith('@gantry/')) return judgePackage(path, { from, floor, to: specifier.split('/')[1] ?? '' })
  if (isTest(path)) return []
  if (specifier.startsWith('node:')) {
    return floors[floor]?.pure === true ? [`${path}: a pure floor imports "${specifier}"`] : []
  }
  if (bundled.includes(specifier) && floors[floor]?.pure !== true) return []
  return [`${path}: imports "${specifier}" from outside; nothing that ships has dependencies`]
}

function judgePackage(path: string, edge: { from: string; floor: number; to: string }): string[] {
  const { from, floor, to } = edge
  if (to === from) return [`${path}: imports its own package by name; use a relative path`]
  if (beside.includes(to)) return isTest(path) ? [] : [`${path}: only tests import "${to}"`]
  const below = floorOf(to)
  if (below === undefined) return [`${path}: imports unknown package "${to}"`]
  if (isTest(path)) return []
  if (below > floor) return [`${path}: floor ${floor} "${from}" imports "${to}" from floor ${below} above it`]
  if (below === floor && floors[floor]?.open.includes(to) !== true) {
    return [`${path}: "${from}" imports "${to}" of its own floor, which scripts/floors.ts does not open`]
  }
  return []
}

function staysInside(path: string, specifier: string): boolean {
  const depth = path.split('/').length - 3 // folders below packages/<name>
  const climbs = specifier.split('/').filter((part) => part === '..').length
  return climbs < depth
}
