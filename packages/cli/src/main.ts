import { runCommandLine } from './run-command-line.ts'

// The entry of the `gantry` command. It loads as little as possible: see table.ts for how commands are found.
void runCommandLine(process.argv.slice(2)).then((code) => process.exit(code))
