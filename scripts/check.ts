import { checkDependencies } from './check-dependencies.ts'
import { checkDocs } from './check-docs.ts'
import { checkHooks } from './check-hooks.ts'
import { checkImports } from './check-imports.ts'
import { checkSizes } from './check-sizes.ts'
import { checkVersion } from './check-version.ts'
import { sourceFiles } from './source-files.ts'

// The house rules that are programs: floors, sizes, dependencies, documents. `npm run ok` runs this.
const files = sourceFiles()
const findings = [
  ...checkImports(files),
  ...checkSizes(files),
  ...checkDependencies(),
  ...checkDocs(files),
  ...checkHooks(files),
  ...checkVersion(files),
]
for (const finding of findings) process.stderr.write(`${finding}\n`)
process.stdout.write(`${files.length} sources checked: ${findings.length} findings\n`)
process.exitCode = findings.length === 0 ? 0 : 1
