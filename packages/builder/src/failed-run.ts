import type { BuildError } from './build-error.ts'

/** A RUN that has failed, while what it ran in is still there. */
export interface FailedRun {
  /** The instruction. */
  readonly text: string
  readonly error: BuildError
  /**
   * Runs a shell on this process's terminal, in the step's file system as the command left it, with its user, directory, variables
   * and mounts; answers with the exit code. @throws RuntimeError COMMAND_NOT_FOUND when the image has no shell
   */
  shell(): Promise<number>
}
