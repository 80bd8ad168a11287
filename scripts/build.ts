import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { build, type BuildOptions, type Plugin } from 'esbuild'
import { bundled } from './check-dependencies.ts'
import { beside } from './floors.ts'
import { top } from './source-files.ts'

// Bundles what users start (the command, the daemon, the workers) and what programs import (one file a package).
const out = join(top, 'dist')

/** Programs that Gantry starts, by the name their bundle has in dist/. */
const programs: Readonly<Record<string, string>> = {
  daemon: 'packages/daemon/src/main.ts',
  ...workers(),
}

/** Every package that is not a face of its own is an entry in dist/lib; package.json says which of them are public. */
const library: readonly string[] = globSync('packages/*', { cwd: top })
  .map((path) => basename(path))
  .filter((name) => !['cli', ...beside].includes(name))
  .sort()

/** What the command loads of a package beside its index. */
const subpaths: Readonly<Record<string, string>> = { 'daemon-registry': 'packages/daemon/src/registry.ts' }

const common = {
  absWorkingDir: top,
  bundle: true,
  platform: 'node',
  target: 'node26',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  logLevel: 'warning',
} as const satisfies BuildOptions

/**
 * The command is one CommonJS file with all that a container command needs: Node starts that 12 ms quicker than two dozen
 * modules. What works on content or starts the daemon is loaded from dist/lib when it is needed.
 */
const light: readonly string[] = ['client', 'linux/site']
const heavyPackages: Plugin = {
  name: 'heavy packages',
  setup(build) {
    build.onResolve({ filter: /^@gantry\// }, ({ path }) => {
      const name = path.slice('@gantry/'.length)
      return light.includes(name) ? undefined : { path: `./lib/${name.replace('/', '-')}.js`, external: true }
    })
  },
}

rmSync(out, { recursive: true, force: true })
await build({
  ...common,
  entryPoints: {
    ...programs,
    ...Object.fromEntries(library.map((name) => [`lib/${name}`, `packages/${name}/src/index.ts`])),
    ...Object.fromEntries(Object.entries(subpaths).map(([name, path]) => [`lib/${name}`, path])),
  },
  outdir: out,
  chunkNames: 'chunks/[hash]',
  splitting: true,
  format: 'esm',
})
const command = { ...common, outdir: out, outExtension: { '.js': '.cjs' }, format: 'cjs' } as const
await build({ ...command, entryPoints: { command: 'packages/cli/src/main.ts' }, plugins: [heavyPackages] })
const digest = createHash('sha256')
  .update(readFileSync(join(out, 'command.cjs')))
  .digest('hex')
  .slice(0, 16)
await build({
  ...command,
  entryPoints: { cli: 'packages/cli/src/bundled-main.ts' },
  define: { COMMAND_DIGEST: JSON.stringify(digest) },
})
writeDeclarations()
writeLicences()
process.stdout.write(
  `Built ${Object.keys(programs).length + 1} programs and ${library.length} library entries in dist/\n`,
)

/** Worker entries: every `*-worker.ts` of a package is bundled under its own name at the top of dist/. */
function workers(): Record<string, string> {
  const paths = globSync('packages/*/src/**/*-worker.ts', { cwd: top })
  return Object.fromEntries(paths.map((path) => [basename(path, '.ts'), path]))
}

/** Puts the licences of what is bundled beside it, as they ask for. */
function writeLicences(): void {
  const directory = join(out, 'licences')
  mkdirSync(directory)
  for (const name of bundled) copyFileSync(join(top, 'node_modules', name, 'LICENSE'), join(directory, `${name}.txt`))
}

/** Writes the declarations of the library, with package names turned into paths inside the published package. */
function writeDeclarations(): void {
  const types = join(out, 'types')
  const tsc = spawnSync(
    join(top, 'node_modules/.bin/tsc'),
    ['-p', 'tsconfig.node.json', '--noEmit', 'false', '--emitDeclarationOnly', '--outDir', types, '--rootDir', top],
    { cwd: top, stdio: ['ignore', 'inherit', 'inherit'] },
  )
  if (tsc.status !== 0) throw new Error('The declarations were not written: the compiler found the errors above')
  for (const path of globSync('packages/*/src/**/*.d.ts', { cwd: types })) {
    const file = join(types, path)
    const target = join(types, path.replace(/^packages\/([^/]+)\/src\//, '$1/'))
    const text = readFileSync(file, 'utf8')
      .replace(/(from |import\()(['"])(\.[^'"]*)\.ts\2/g, '$1$2$3.js$2')
      .replace(/(from |import\()(['"])@gantry\/([a-z-]+)\2/g, (_all, lead: string, quote: string, name: string) => {
        const path = relative(dirname(target), join(types, name, 'index.js'))
        return `${lead}${quote}${path.startsWith('.') ? path : `./${path}`}${quote}`
      })
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, text)
  }
  rmSync(join(types, 'packages'), { recursive: true, force: true })
  rmSync(join(types, 'scripts'), { recursive: true, force: true })
}
