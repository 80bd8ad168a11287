import { CliError } from '../cli-error.ts'

/** Refuses `-i -t` where standard input is no terminal: the container would wait for keys that nobody can type. */
export function checkTerminal({ tty, stdin }: { tty: boolean; stdin: boolean }): void {
  if (tty && stdin && !process.getBuiltinModule('node:tty').isatty(0)) {
    throw new CliError('FAILED', 'the input device is not a TTY', {
      hint: 'Leave out -t, or run the command in a terminal',
    })
  }
}
