import { ociCommand, type OciProgram } from './oci-command.ts'

/** The two steps of a container's life that cost a whole program start when done through the runtime's command line. */
export interface OciLifecycle {
  /** Lets a created container run. @throws RuntimeError START_FAILED */
  start(id: string): Promise<void>
  /** Removes what the runtime keeps of a container, ending it if it lives. Absence is success. @throws RuntimeError DELETE_FAILED */
  remove(id: string): Promise<void>
}

/** Both steps through the command line, which every OCI runtime has. */
export function commandLifecycle(program: OciProgram): OciLifecycle {
  return {
    async start(id) {
      await ociCommand(program, ['start', id], { tried: `Cannot start container "${id}"`, fallback: 'START_FAILED' })
    },
    async remove(id) {
      await ociCommand(program, ['delete', '--force', id], {
        tried: `Cannot remove container "${id}"`,
        fallback: 'DELETE_FAILED',
      })
    },
  }
}
