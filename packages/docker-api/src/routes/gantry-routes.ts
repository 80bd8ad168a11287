import type { ContainerEdited, ContainersCompared, Denials, Explanation } from '@gantry/client'
import {
  flagOf,
  type Comparison,
  type ContainerExplanation,
  type PlannedRun,
  type WhyDenied,
  type WhyDeniedOptions,
} from '@gantry/engine'
import { json, type ApiRequest, type Reply } from '../http/message.ts'
import type { Route } from '../http/router.ts'
import type { DockerApiParts } from '../parts.ts'
import { readCreate } from './container-routes.ts'
import { editRequest } from '../translate/edit-request.ts'
import { defined, Fields } from '../translate/fields.ts'

/** Gantry's own paths. */
export function gantryRoutes(parts: DockerApiParts): readonly Route[] {
  const { engine } = parts
  return [
    ['GET', /^\/gantry\/explain\/([^/]+)$/, (_, id = '') => json(explanation(engine.explain(id)))],
    [
      'POST',
      /^\/gantry\/why-denied\/([^/]+)$/,
      async (request, id = '') =>
        json(denials(await engine.whyDenied(id, whyDeniedOptions(new Fields(await request.json()))))),
    ],
    [
      'GET',
      /^\/gantry\/compare\/([^/]+)\/([^/]+)$/,
      (_, id = '', other = '') => json(comparison(engine.compare(id, other))),
    ],
    [
      'POST',
      /^\/gantry\/plan$/,
      async (request) => json(planned(await engine.planRun(await readCreate(parts, request)))),
    ],
    ['POST', /^\/gantry\/edit\/([^/]+)$/, (request, id = '') => edit(engine, request, id)],
  ]
}

async function edit(engine: DockerApiParts['engine'], request: ApiRequest, id: string): Promise<Reply> {
  const { live, atStart, running } = await engine.update(
    id,
    editRequest(new Fields(await request.json()), { all: true }),
  )
  return json({ Live: [...live], AtStart: [...atStart], Running: running } satisfies ContainerEdited)
}

function explanation({ record, entries }: ContainerExplanation): Explanation {
  const { id, name, spec, status, progress } = record
  return {
    id,
    name,
    image: spec.image,
    status,
    pid: progress.pid,
    steps: entries.map((entry) => ({
      owner: entry.owner,
      sequence: entry.sequence,
      kind: entry.kind,
      sentence: entry.sentence,
      why: entry.why,
      command: entry.command,
      undo: entry.undo,
      state: entry.state,
      started: entry.started,
      ...(entry.duration === undefined ? {} : { duration: entry.duration }),
      consequence: entry.consequence,
      args: { ...entry.args },
    })),
  }
}

function whyDeniedOptions(fields: Fields): WhyDeniedOptions {
  const prove = fields.text('Prove')
  return defined({
    command: fields.texts('Command'),
    prove: prove === 'safe' || prove === 'all' ? prove : ('none' as const),
    network: fields.flag('Network'),
    volumes: fields.flag('Volumes'),
    timeout: fields.number('Timeout'),
  })
}

function denials({ record, command, run, refusals, proof, untried }: WhyDenied): Denials {
  return {
    id: record.id,
    name: record.name,
    command: [...command],
    ...run,
    refusals: refusals.map(({ refusal, verdict }) => {
      const profile = verdict.remedies.find((remedy) => remedy.kind === 'seccomp')?.profile
      return {
        call: refusal.call,
        error: refusal.error,
        program: refusal.process.name,
        user: refusal.process.uid,
        paths: refusal.paths.map(({ path }) => path),
        refusedBy: verdict.by,
        because: verdict.because,
        flags: verdict.remedies.map(flagOf),
        ...(profile === undefined ? {} : { profile }),
      }
    }),
    ...(proof === undefined
      ? {}
      : {
          proof: {
            flags: proof.remedies.map(flagOf),
            exitCode: proof.exitCode,
            helped: proof.helped,
            output: proof.output,
          },
        }),
    untried: untried.map(flagOf),
  }
}

function planned({ record, entries, weakens }: PlannedRun): Explanation {
  return { ...explanation({ record, entries }), weakens: [...weakens] }
}

function comparison({ first, second, differences }: Comparison): ContainersCompared {
  return {
    first: { id: first.id, name: first.name },
    second: { id: second.id, name: second.name },
    differences: differences.map(({ section, name, first: left, second: right }) => ({
      section,
      name,
      ...(left === undefined ? {} : { first: left }),
      ...(right === undefined ? {} : { second: right }),
    })),
  }
}
