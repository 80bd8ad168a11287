import { parseCommand, parseShell } from './command.ts'
import { parseAdd, parseCopy } from './copy.ts'
import { parseFrom } from './from.ts'
import { parseHealthcheck } from './healthcheck.ts'
import { parseArg, parsePairs } from './pairs.ts'
import type { InstructionParser } from './request.ts'
import { parseRun } from './run.ts'
import { parseExpose, parseText, parseVolume } from './text.ts'

/** Who understands which instruction, by keyword. */
export const parsers: ReadonlyMap<string, InstructionParser> = new Map<string, InstructionParser>([
  ['ADD', parseAdd],
  ['ARG', parseArg],
  ['CMD', (request) => parseCommand(request, 'cmd')],
  ['COPY', parseCopy],
  ['ENTRYPOINT', (request) => parseCommand(request, 'entrypoint')],
  ['ENV', (request) => parsePairs(request, 'env')],
  ['EXPOSE', parseExpose],
  ['FROM', parseFrom],
  ['HEALTHCHECK', parseHealthcheck],
  ['LABEL', (request) => parsePairs(request, 'label')],
  ['MAINTAINER', (request) => parseText(request, 'maintainer')],
  ['RUN', parseRun],
  ['SHELL', parseShell],
  ['STOPSIGNAL', (request) => parseText(request, 'stopsignal')],
  ['USER', (request) => parseText(request, 'user')],
  ['VOLUME', parseVolume],
  ['WORKDIR', (request) => parseText(request, 'workdir')],
])
