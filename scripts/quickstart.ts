import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { clean } from './quickstart/clean.ts'
import { gantry, tryGantry } from './quickstart/gantry.ts'
import { isTold, startProgress, seconds } from './quickstart/progress.ts'
import { serveRegistry } from './quickstart/registry.ts'
import { remember } from './quickstart/record.ts'
import { containerName, wantService, type Service } from './quickstart/service.ts'
import { findPlace, freePort, type Place } from './quickstart/site.ts'
import { top } from './source-files.ts'

// The main job, by the commands that a person would type: build, run, push, pull by digest, run again.

try {
  process.exitCode = process.argv.includes('--clean') ? (await clean(), 0) : await main()
} catch (error) {
  if (!(error instanceof Error)) throw error
  if (!isTold(error)) process.stdout.write(`${error.message}\n`)
  process.stdout.write(
    '\nThe quickstart could not go on. "./gantry doctor" looks at this machine and says what is amiss.\n',
  )
  process.exitCode = 1
}

async function main(): Promise<number> {
  const place = await findPlace()
  if (!existsSync(join(place.root, 'state.db'))) remember({ roots: [place.root] })
  return place.isRoot ? withRoot(place) : withoutRoot(place)
}

async function withRoot({ root }: Place): Promise<number> {
  const image = 'localhost/hello-node'
  const progress = startProgress(7)
  let here: Service | undefined
  let there: Service | undefined
  let digest = ''
  const port = await freePort(3000)

  await progress.step('Build a base image from distribution packages', './gantry base build node', (onLine) =>
    buildBase('node', ['debian', 'node'], onLine),
  )
  await progress.step(
    'Build a web service from its Dockerfile',
    `./gantry build -t ${image} examples/hello-node`,
    async (onLine) => {
      if (!(await hasImage(image))) remember({ images: [`${image}:latest`] })
      await gantry(['build', '--tag', image, join(top, 'examples/hello-node')], { onLine })
      return undefined
    },
  )
  const wanted = await wantService(image, { port })
  await progress.step('Run it and fetch its page', wanted.command, async () => {
    remember({ containers: [containerName] })
    here = await wanted.run()
    return `${here.kept ? 'runs already, ' : ''}its page answers at ${here.address}`
  })
  {
    await using registry = await serveRegistry()
    const pushed = `${registry.address}/hello-node`
    const second = `${root}-second`
    await progress.step(
      'Push it to the embedded registry',
      pushCommands(image, registry.address, pushed),
      async (onLine) => {
        digest = await push(image, pushed, { onLine, digestOf: () => registry.digestOf('hello-node', 'latest') })
        return digest
      },
    )
    const byDigest = `${pushed}@${digest}`
    await progress.step(
      'Pull it by digest into a second, empty root',
      `./gantry --root ${second} pull ${byDigest}`,
      async (onLine) => {
        if (!existsSync(second)) remember({ roots: [second] })
        if ((await tryGantry(['inspect', '--type', 'image', digest], { root: second })).code === 0)
          return 'it is there already'
        await gantry(['pull', byDigest], { root: second, onLine })
        return undefined
      },
    )
    const secondPort = await freePort(port + 1)
    const again = await wantService(byDigest, { root: second, port: secondPort })
    await progress.step('Run that', again.command, async () => {
      there = await again.run()
      return `${there.kept ? 'runs already, ' : ''}its page answers at ${there.address}`
    })
    await progress.step('Look at what is running', './gantry ps', async () => {
      process.stdout.write(`${(await gantry(['ps'])).replaceAll(/^/gm, '      ')}\n`)
      return undefined
    })
    tellEnd({ elapsed: progress.elapsed(), root, second, image, here, there })
  }
  return 0
}

interface End {
  readonly elapsed: number
  readonly root: string
  readonly second: string
  readonly image: string
  readonly here: Service | undefined
  readonly there: Service | undefined
}

function tellEnd({ elapsed, root, second, image, here, there }: End): void {
  process.stdout.write(`
Done in ${seconds(elapsed)}. Open ${here?.address ?? ''}

Created:
  images      localhost/debian, localhost/node, ${image}    in ${root}
  containers  ${containerName} (${here?.address ?? ''}), its copy in the second root (${there?.address ?? ''})
  roots       ${root}, ${second}
  "./quickstart --clean" removes all of it.

Try next:
  ./gantry explain ${containerName}          what exactly this container is
  ./gantry exec -it ${containerName} bash    a shell inside it
  ./gantry logs -f ${containerName}          what it says
`)
}

// Containers (and the RUN steps of a build) need root; images do not.
async function withoutRoot({ root }: Place): Promise<number> {
  const progress = startProgress(3)
  const image = 'localhost/busybox'
  const second = `${root}-second`
  await progress.step('Build a base image from distribution packages', './gantry base build busybox', (onLine) =>
    buildBase('busybox', ['busybox'], onLine),
  )
  {
    await using registry = await serveRegistry()
    const pushed = `${registry.address}/busybox`
    let digest = ''
    await progress.step(
      'Push it to the embedded registry',
      pushCommands(image, registry.address, pushed),
      async (onLine) => {
        digest = await push(image, pushed, { onLine, digestOf: () => registry.digestOf('busybox', 'latest') })
        return digest
      },
    )
    await progress.step(
      'Pull it by digest into a second root',
      `./gantry --root ${second} pull ${pushed}@${digest}`,
      async (onLine) => {
        if (!existsSync(second)) remember({ roots: [second] })
        await gantry(['pull', `${pushed}@${digest}`], { root: second, onLine })
        return undefined
      },
    )
  }
  process.stdout.write(`
Done in ${seconds(progress.elapsed())}, as far as it goes without root: a Dockerfile's RUN steps and containers need it. Go on with

  sudo ./quickstart

Created: ${image} in ${root}, and the second root ${second}. "./quickstart --clean" removes all of it.
`)
  return 3
}

async function buildBase(
  name: string,
  names: readonly string[],
  onLine: (line: string) => void,
): Promise<string | undefined> {
  const missing: string[] = []
  for (const one of names) {
    if (!(await hasImage(`localhost/${one}`))) missing.push(`localhost/${one}:latest`)
  }
  if (missing.length === 0) return 'it is there already'
  remember({ images: missing })
  await gantry(['base', 'build', name], { onLine })
  return undefined
}

function pushCommands(image: string, registry: string, name: string): string {
  return `./gantry registry serve --addr ${registry} &\n./gantry tag ${image} ${name}\n./gantry push ${name}`
}

interface PushOptions {
  readonly onLine: (line: string) => void
  readonly digestOf: () => Promise<string>
}

// The registry's port may be another one next time: the name for it goes when it is no longer needed.
async function push(image: string, name: string, { onLine, digestOf }: PushOptions): Promise<string> {
  await gantry(['tag', image, name])
  try {
    await gantry(['push', name], { onLine })
    return await digestOf()
  } finally {
    await tryGantry(['rmi', name])
  }
}

async function hasImage(name: string): Promise<boolean> {
  return (await tryGantry(['inspect', '--type', 'image', name])).code === 0
}
