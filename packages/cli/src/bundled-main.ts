import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { constants } from 'node:vm'
import { scriptOf } from './kept-code.ts'

// The entry of the built command: runs the bundle of main.ts beside it, with the code that its last run has compiled. The build
// gives the digest of that bundle.
declare const COMMAND_DIGEST: string
declare const require: (path: string) => unknown
declare const module: { readonly path: string; readonly exports: unknown }

const filename = join(module.path, 'command.cjs')
const cache = process.env['NODE_COMPILE_CACHE']
if (cache === undefined || cache === '') {
  require(filename)
} else {
  const [word = ''] = process.argv.slice(2)
  const kept = {
    directory: join(cache, 'commands'),
    digest: COMMAND_DIGEST,
    use: /^[a-z]{1,20}$/.test(word) ? word : 'other',
  }
  const source = `(function (exports, require, module, __filename, __dirname) {${readFileSync(filename, 'utf8')}\n})`
  const importModuleDynamically = constants.USE_MAIN_CONTEXT_DEFAULT_LOADER
  const { script, keep } = scriptOf(source, { filename, importModuleDynamically, kept })
  // Words that are no command are not worth keeping.
  process.on('exit', (code) => {
    if (code === 0) keep()
  })
  const main = script.runInThisContext() as (...values: unknown[]) => void
  main(module.exports, require, module, filename, module.path)
}
