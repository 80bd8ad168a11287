/** The fields of a paragraph by lower-case name; continuation lines are kept, each with its line break. */
export type ControlFields = ReadonlyMap<string, string>

/** Reads paragraphs of Debian's control format. @see https://www.debian.org/doc/debian-policy/ch-controlfields.html */
export function parseControl(text: string): readonly ControlFields[] {
  return text.split(/\n(?:[ \t]*\n)+/).flatMap((paragraph) => {
    const fields = new Map<string, string>()
    let last = ''
    for (const line of paragraph.split('\n')) {
      if (/^[ \t]/.test(line)) fields.set(last, `${fields.get(last) ?? ''}\n${line}`)
      else {
        const [, name = '', value = ''] = /^([!-9;-~]+):[ \t]*(.*)$/.exec(line) ?? []
        last = name.toLowerCase()
        if (name !== '') fields.set(last, value.trimEnd())
      }
    }
    fields.delete('')
    return fields.size === 0 ? [] : [fields]
  })
}

/** What a package needs, from `Depends` and `Pre-Depends`: groups of names of which one is enough. */
export function dependenciesOf(fields: ControlFields): readonly (readonly string[])[] {
  return ['pre-depends', 'depends'].flatMap((field) => namesIn(fields.get(field) ?? ''))
}

/** The names in a relation field: groups of alternatives, without versions and architectures. */
export function namesIn(relations: string): readonly (readonly string[])[] {
  return relations
    .split(',')
    .map((group) => group.split('|').flatMap((one) => /^\s*([a-z0-9][a-z0-9+.-]*)/.exec(one)?.[1] ?? []))
    .filter((group) => group.length > 0)
}
