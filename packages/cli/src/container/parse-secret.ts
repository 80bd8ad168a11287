import type { SecretRequest } from '@gantry/client'
import { CliError } from '../cli-error.ts'

/** Reads `--secret NAME[,type=mount|env][,target=…][,mode=0400][,uid=…][,gid=…]`. @throws CliError INVALID naming the part that does not fit */
export function parseSecret(text: string): SecretRequest {
  const invalid = (why: string): CliError => new CliError('INVALID', `Cannot use the secret "${text}": ${why}`)
  const [first = '', ...rest] = text.split(',')
  const [key, named] = first.split('=', 2)
  const name = named === undefined ? first : ['source', 'src', 'id'].includes(key ?? '') ? named : ''
  if (name === '') throw invalid('it begins with its name')
  const request: SecretRequest = { Source: name }
  for (const part of rest) {
    const at = part.indexOf('=')
    const [option, value] = at < 0 ? [part, ''] : [part.slice(0, at), part.slice(at + 1)]
    if (value === '') throw invalid(`"${option}" needs a value`)
    switch (option) {
      case 'type':
        if (value !== 'mount' && value !== 'env') throw invalid(`"${value}" is neither mount nor env`)
        request.Type = value
        break
      case 'target':
        request.Target = value
        break
      case 'mode':
        if (!/^0?[0-7]{3}$/.test(value)) throw invalid(`"${value}" is not an octal mode such as 0400`)
        request.Mode = Number.parseInt(value, 8)
        break
      case 'uid':
      case 'gid':
        if (!/^\d+$/.test(value)) throw invalid(`"${value}" is not a number`)
        request[option === 'uid' ? 'UID' : 'GID'] = Number(value)
        break
      default:
        throw invalid(`unexpected key "${option}"`)
    }
  }
  return request
}
