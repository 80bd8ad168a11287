import assert from 'node:assert/strict'
import { openImage } from '@gantry/image'
import type { World } from '../../test/world.ts'

/** Starts what an image starts, asks it once, and ends it, all in a container of the image. */
export async function ask(world: World, image: string, path: string): Promise<string> {
  const descriptor = await world.store.resolve(`${image}:latest`)
  assert.ok(descriptor)
  const script = [
    "const { spawn } = require('node:child_process')",
    `const child = spawn(process.execPath, process.argv.slice(1), { env: { ...process.env, PORT: '3999' }, stdio: 'inherit' })`,
    'const ask = async (left) => {',
    `  try { const answer = await (await fetch('http://127.0.0.1:3999${path}')).text(); console.log('answer=' + answer + ' uid=' + process.getuid()) }`,
    '  catch (error) { if (left === 0) throw error; await new Promise((done) => setTimeout(done, 100)); return ask(left - 1) }',
    '}',
    "ask(100).finally(() => child.kill('SIGKILL'))",
  ].join('\n')
  const opened = await openImage(world.store, descriptor, { codec: world.codec })
  const { config } = await opened.config()
  const words = ['node', '-e', script, '--', ...(config?.Entrypoint ?? []).slice(1)]
  await world.build({ Dockerfile: `FROM ${image}\nRUN ${JSON.stringify(words)}\n` }, { network: 'none' })
  return /^answer=.*$/m.exec(world.output())?.[0] ?? world.output()
}
