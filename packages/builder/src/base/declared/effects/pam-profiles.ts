import { parseControl, type ControlFields } from '../debian-control.ts'
import { putFile, readText, type BaseRoot } from '../base-root.ts'

const kinds = ['auth', 'account', 'password', 'session', 'session-noninteractive'] as const

interface Profile {
  readonly fields: ControlFields
  readonly priority: number
}

/**
 * Writes `etc/pam.d/common-*` from the templates and the profiles that are on by default, as pam-auth-update does.
 *
 * @see https://manpages.debian.org/bookworm/libpam-runtime/pam-auth-update.8.en.html
 */
export async function writePamProfiles(root: BaseRoot): Promise<void> {
  const profiles: Profile[] = []
  for (const name of root.tree.list('usr/share/pam-configs')) {
    const [fields] = parseControl((await readText(root, `usr/share/pam-configs/${name}`)) ?? '')
    if (fields?.get('default') === 'yes') profiles.push({ fields, priority: Number(fields.get('priority') ?? 0) })
  }
  profiles.sort((a, b) => b.priority - a.priority)
  for (const kind of kinds) {
    const template = await readText(root, `usr/share/pam/common-${kind}`)
    if (template === undefined || root.tree.has(`etc/pam.d/common-${kind}`)) continue
    const type = kind === 'session-noninteractive' ? 'session' : kind
    const fit = profiles.filter(
      ({ fields }) => kind !== 'session-noninteractive' || fields.get('session-interactive-only') !== 'yes',
    )
    const lines = (block: string): readonly string[] =>
      fit
        .filter(({ fields }) => fields.get(`${type}-type`)?.toLowerCase() === block)
        .flatMap(({ fields }, index) => linesOf(fields, type, index === 0))
    const primary = lines('primary')
    const jumps = primary.map((line, index) => line.replace(/(\w+=)end\b/g, `$1${String(primary.length - index)}`))
    const print = (all: readonly string[]): string => all.map((line) => `${type}\t${line}\n`).join('')
    const first = jumps.length === 0 ? `${type}\t[default=1]\t\t\tpam_permit.so\n` : print(jumps)
    const text = template
      .replace(/^\$\w+_primary\n/m, () => first)
      .replace(/^\$\w+_additional\n/m, () => print(lines('additional')))
    putFile(root, `etc/pam.d/common-${kind}`, text)
  }
}

function linesOf(fields: ControlFields, type: string, isInitial: boolean): readonly string[] {
  const text = (isInitial ? fields.get(`${type}-initial`) : undefined) ?? fields.get(type) ?? ''
  return text.split('\n').flatMap((line) => {
    const [, control, module = '', options = ''] = /^(\[[^\]]*\]|\S+)\s+(\S+)\s*(.*)$/.exec(line.trim()) ?? []
    return control === undefined ? [] : [`${control}\t${module} ${options}`]
  })
}
