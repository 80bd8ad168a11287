import type { DeniedCall, Denials } from '@gantry/client'
import { wrap } from '../flags/render-help.ts'

const indent = '      '

/** Why a command was refused something, in words; at most `columns` wide, 60 at least. */
export function renderDenials(denials: Denials, columns: number): string {
  const width = Math.max(columns, 60)
  const { name, command, exitCode, timedOut, refusals, proof, untried, output } = denials
  const end = timedOut ? 'was ended, since it ran too long' : `ended with ${String(exitCode)}`
  const title = `"${command.join(' ')}" in a copy of ${name} ${end}`
  const lines = wrap(`${title}${refusals.length === 0 ? ', and was refused nothing.' : ':'}`, width)
  const said = output.trim().split('\n').slice(-3).filter(Boolean)
  for (const line of said) lines.push(`    ${line}`)
  for (const [index, call] of refusals.entries()) lines.push('', ...callLines(call, index + 1, width))
  if (proof !== undefined)
    lines.push(
      '',
      ...wrap(
        `${proof.helped ? 'Proved' : 'Tried'}: with ${proof.flags.join(' and ')} it ${proof.helped && proof.exitCode !== 0 ? 'is not refused that any more, and ' : ''}ends with ${String(proof.exitCode)}.`,
        width,
      ),
    )
  if (untried.length > 0)
    lines.push(
      '',
      ...wrap(
        `Not tried, since the command could then act on this host: ${untried.join(', ')} (--prove-on-host tries it).`,
        width,
      ),
    )
  return `${lines.join('\n')}\n`
}

function callLines(call: DeniedCall, number: number, width: number): string[] {
  const { paths, program, user, error } = call
  const what = `${call.call}${paths.length === 0 ? '' : ` ${paths.join(' ')}`}: ${error}`
  const lines = [`${String(number).padStart(3)}.  ${what} (${program}, user ${String(user)})`]
  const add = (label: string, text: string): void => {
    for (const [index, line] of wrap(text, width - indent.length - 12).entries())
      lines.push(`${indent}${(index === 0 ? label : '').padEnd(12)}${line}`)
  }
  add('refused by', `${refusers[call.refusedBy] ?? call.refusedBy}: ${call.because}`)
  for (const [index, flag] of call.flags.entries()) add(index === 0 ? 'allow with' : 'or', flag)
  return lines
}

const refusers: Readonly<Record<string, string>> = {
  'read-only': 'a read-only path',
  'masked-path': 'a masked path',
  capability: 'a missing capability',
  device: 'the device rules',
  'file-permission': 'plain file permissions',
  'mount-option': 'a mount option',
  'no-new-privileges': 'no-new-privileges',
  'user-namespace': 'the user namespace',
  apparmor: 'AppArmor',
  kernel: 'the kernel',
}
