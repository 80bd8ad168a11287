import type { Command } from '../command.ts'
import { startBuild } from '../build/start-build.ts'
import { containerFlags, type ContainerFlags } from '../container/container-flags.ts'
import { defineCommand } from '../command.ts'
import { boolean, choice, list, text } from '../flags/flag.ts'

const limits = [
  'cpu-period',
  'cpu-quota',
  'cpu-shares',
  'cpuset-cpus',
  'cpuset-mems',
  'memory',
  'memory-swap',
  'shm-size',
  'ulimit',
] as const

/** Limits of RUN have the names and forms that limits of containers have. */
const limitFlags = Object.fromEntries(limits.map((name) => [name, containerFlags[name]])) as Pick<
  ContainerFlags,
  (typeof limits)[number]
>

/** `gantry build` */
export const build: Command = defineCommand({
  name: 'build',
  aliases: ['image build', 'buildx build'],
  summary: 'Build an image from a Dockerfile',
  usage: '[OPTIONS] PATH | URL | -',
  details: `The context is a directory, the address of a git repository or of an archive, or
"-" for an archive or a Dockerfile on standard input.`,
  arguments: [1, 1],
  flags: {
    ...limitFlags,
    'add-host': list('Add a name with its address for RUN ("name:address")'),
    allow: list('Allow what reaches beyond the build ("security.insecure", "device", "device=NAME")'),
    'allow-hosts': list(
      'Let RUN reach these hosts only, separated by commas ("example.org", "*.example.org", "10.0.0.0/8", "HOST:PORT")',
    ),
    annotation: list('Add an annotation to the manifest ("name=value")'),
    'attest-style': choice(
      'How what is attested is kept: as artifacts that refer to the image, or as BuildKit does ("referrers", "index")',
      ['referrers', 'index'],
    ),
    'build-arg': list('Set build-time variables'),
    'build-context': list(
      'Name another context: "name=" a path, an address, docker-image://IMAGE, oci-layout://DIR or target:STAGE',
    ),
    'cache-from': list(
      'Use the cache of another place ("NAME", "type=registry,ref=NAME", "type=local,src=DIR", "type=store,ref=NAME")',
    ),
    'cache-to': list(
      'Write the cache there ("type=registry,ref=NAME", "type=local,dest=DIR", "type=store,ref=NAME", "type=inline"; and mode=min|max, mounts=all|ID;ID)',
    ),
    call: choice('Do this instead of building ("build", "check", "outline", "targets")', [
      'build',
      'check',
      'outline',
      'targets',
    ]),
    check: boolean('Shorthand for "--call=check"'),
    debug: boolean('Open a shell in the place of a RUN that fails, on a terminal'),
    file: text('Name of the Dockerfile (default: "PATH/Dockerfile"); "-" is standard input', { short: 'f' }),
    format: choice('How --call prints ("text", "json")', ['text', 'json']),
    iidfile: text('Write the image ID to a file'),
    label: list('Set metadata for an image'),
    'metadata-file': text('Write what was built to a file, as JSON'),
    network: choice('What RUN reaches that does not say it ("default", "none", "host")', ['default', 'none', 'host']),
    node: boolean('Build a Node project from its lockfile (default where there is a package.json and no Dockerfile)'),
    'no-cache': boolean('Do not use cache when building the image'),
    output: list(
      'Write the result elsewhere too: a path, or "type=TYPE,dest=PATH" with local, tar, oci, docker or registry',
      {
        short: 'o',
      },
    ),
    platform: text('Set target platforms for build, separated by commas; several make an index'),
    progress: choice(
      'Set type of progress output ("auto", "quiet", "plain", "tty", "json")',
      ['auto', 'quiet', 'plain', 'tty', 'json'],
      { initial: 'auto' },
    ),
    provenance: text('Attach how the image was made ("true", "mode=min", "mode=max", "false")'),
    pull: boolean('Always attempt to pull all referenced images'),
    push: boolean('Shorthand for "--output=type=registry"'),
    quiet: boolean('Suppress the build output and print image ID on success', { short: 'q' }),
    'record-network': boolean('Record which hosts RUN reaches'),
    sbom: text(
      'Attach a list of the packages in the image ("true", "spdx", "cyclonedx", "false"; several with commas)',
    ),
    secret: list('Secret for RUN --mount=type=secret ("id=name[,src=path|,env=variable]")'),
    ssh: list('SSH agent or keys for RUN --mount=type=ssh ("default|id[=socket|key[,key]]")'),
    tag: list('Name and optionally a tag (format: "name:tag")', { short: 't' }),
    target: text('Set the target build stage to build'),
    verify: boolean('Build twice without the cache, and explain the first difference'),
    watch: boolean('Build again each time that the context or the Dockerfile changes'),
    why: boolean('Tell for each step why it is cached, or which input changed and how'),
  },
  run: ({ context, flags, args: [place = '.'] }) => startBuild(context, flags, place),
})
