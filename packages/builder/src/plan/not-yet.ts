import { type Dockerfile, DockerfileError, type Range, type StageInstruction } from '@gantry/dockerfile'

/** Refuses what the language has and this builder does not do yet: nothing is ignored. @throws DockerfileError NOT_SUPPORTED */
export function refuseNotYet(dockerfile: Pick<Dockerfile, 'file'>, instruction: StageInstruction): void {
  const refuse = (what: string, range: Range, hint?: string): never => {
    throw new DockerfileError('NOT_SUPPORTED', `${what} is not supported yet`, { file: dockerfile.file, range, hint })
  }
  switch (instruction.kind) {
    case 'run':
      if (instruction.security !== 'sandbox') refuse('RUN --security=insecure', instruction.range)
      if (instruction.devices.length > 0) refuse('RUN --device', instruction.devices[0]!.range)
      break
    default:
  }
}
