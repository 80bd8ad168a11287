import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { run } from '@gantry/process'

/** A project that is built in several ways. */
export interface NodeProjectPlace {
  readonly directory: string
  /** Changes one source file. */
  edit(round: number): Promise<void>
}

const dependencies = { express: '4.21.2', pino: '9.6.0', zod: '3.24.1' }

const server = (round: number): string => `const express = require('express')
const app = express()
app.get('/', (request, response) => response.send('round ${round}'))
app.listen(3000)
`

const dockerfile = (image: string): string => `FROM ${image}
WORKDIR /app
COPY package.json package-lock.json ./
COPY node_modules ./node_modules
COPY src ./src
ENTRYPOINT ["node", "src/main.js"]
`

/** Writes a small service with its dependencies installed by npm. @throws ProcessError where there is no npm registry */
export async function writeNodeProject(directory: string, image: string): Promise<NodeProjectPlace> {
  await mkdir(join(directory, 'src'), { recursive: true })
  const manifest = { name: 'bench-service', version: '1.0.0', private: true, main: 'src/main.js', dependencies }
  await writeFile(join(directory, 'package.json'), JSON.stringify(manifest, undefined, 2))
  await writeFile(join(directory, 'Dockerfile'), dockerfile(image))
  const edit = (round: number): Promise<void> => writeFile(join(directory, 'src/main.js'), server(round))
  await edit(-1)
  await run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: directory })
  return { directory, edit }
}

/** The same project in another place. */
export async function copyNodeProject({ directory }: NodeProjectPlace, to: string): Promise<NodeProjectPlace> {
  await rm(to, { recursive: true, force: true })
  await mkdir(dirname(to), { recursive: true })
  await cp(directory, to, { recursive: true, verbatimSymlinks: true })
  return { directory: to, edit: (round) => writeFile(join(to, 'src/main.js'), server(round)) }
}

/** Installs containerify beside nothing else, and tells its program. @throws ProcessError where there is no npm registry */
export async function installContainerify(directory: string): Promise<{ path: string; version: string }> {
  await mkdir(directory, { recursive: true })
  await writeFile(join(directory, 'package.json'), '{"private":true}\n')
  await run('npm', ['install', 'containerify', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: directory })
  const place = join(directory, 'node_modules/containerify')
  const { version } = JSON.parse(await readFile(join(place, 'package.json'), 'utf8')) as { version: string }
  return { path: join(place, 'lib/cli.js'), version }
}
