import { type Dockerfile, DockerfileError, type Range, type StageInstruction } from '@gantry/dockerfile'

/** Refuses what the language has and this builder does not do yet: nothing is ignored. @throws DockerfileError NOT_SUPPORTED */
export function refuseNotYet(dockerfile: Pick<Dockerfile, 'file'>, instruction: StageInstruction): void {
  const refuse = (what: string, range: Range, hint?: string): never => {
    throw new DockerfileError('NOT_SUPPORTED', `${what} is not supported yet`, { file: dockerfile.file, range, hint })
  }
  switch (instruction.kind) {
    case 'add':
      refuse('ADD', instruction.keyword, 'COPY does the same for local files')
      break
    case 'copy':
      if (instruction.link) refuse('COPY --link', instruction.range)
      if (instruction.parents) refuse('COPY --parents', instruction.range)
      if (instruction.excludes.length > 0) refuse('COPY --exclude', instruction.excludes[0]!.range)
      break
    case 'run':
      if (instruction.mounts.length > 0) refuse('RUN --mount', instruction.mounts[0]!.range)
      if (instruction.network !== 'default') refuse(`RUN --network=${instruction.network}`, instruction.range)
      if (instruction.security !== 'sandbox') refuse('RUN --security=insecure', instruction.range)
      if (instruction.devices.length > 0) refuse('RUN --device', instruction.devices[0]!.range)
      break
    default:
  }
}
