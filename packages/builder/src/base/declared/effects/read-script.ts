/** A name in the file system that leads to one of several programs. */
export interface Alternative {
  readonly kind: 'alternative'
  readonly link: string
  readonly name: string
  readonly path: string
  readonly priority: number
  readonly followers: readonly { readonly link: string; readonly name: string; readonly path: string }[]
}

/** An account that a package makes. What is undefined is chosen as the program that the script calls would. */
export interface ScriptUser {
  readonly kind: 'user'
  readonly name: string
  readonly uid?: number
  /** The name of the primary group; `true` for one of the user's own. */
  readonly group?: string | true
  readonly home?: string
  readonly makesHome: boolean
  readonly shell?: string
  readonly comment?: string
}

/** What a maintainer script does, as data. */
export type ScriptEffect =
  | Alternative
  | ScriptUser
  | { readonly kind: 'group'; readonly name: string; readonly gid?: number }
  | { readonly kind: 'member'; readonly user: string; readonly group: string }
  | { readonly kind: 'shell'; readonly path: string }

/** A script that was read: what is understood of it, and the lines that are not. */
export interface ReadScript {
  readonly effects: readonly ScriptEffect[]
  readonly rest: readonly string[]
}

// Snippets of debhelper that do nothing in an image that nobody has installed into before, or that are done otherwise.
const understoodSnippets =
  /^dh_(apparmor|icons|installalternatives|installcron|installdeb|installdebconf|installemacsen|installinit|installinitramfs|installlogcheck|installmenu|installmime|installsystemd|installsystemduser|installsysusers|installtmpfiles|installudev|makeshlibs|pypy|python2|python3|systemd_\w+|ucf|usrlocal)\b/

// The frame of a script, and commands for what an image does not have: services, other versions before this one, byte code.
const frame: readonly RegExp[] = [
  /^(set [-+]\w+|exit \d+|esac|;;|fi|done|then|else|:|true|\}|umask \d+|unset \w+|(export )?(LC_ALL|LANG|DEBIAN_FRONTEND)=\S*)( *;)?$/,
  /^case "?\$\{?(1|action|type)\}?"? in$/,
  /^\(?[\w*|"-]+( *\| *[\w*|"-]+)*\)( *(:|true|exit 0))?( *;;)?$/,
  /^if \[ "?x?\$\{?1\}?"? =+ "?x?(configure|triggered|install)"? \] *(&& \[ -z "\$2" \] *)?;? *(then)?$/,
  /^(if )?test "?\$1"? = "?configure"?;? *(then)?$/,
  /^(action|type|preversion|version)="?\$\{?[12]\}?"?$/,
  /^echo [^`$;|&>]*("\$\{?[\w@]+\}?"?[^`$;|&>]*)?( *>&2)?$/,
  /^(\. \/usr\/share\/debconf\/confmodule|db_\w+\b.*)$/,
  /^(ldconfig|dpkg-maintscript-helper|update-alternatives --(quiet )?remove(-all)?|dpkg-trigger|deb-systemd-helper|deb-systemd-invoke|invoke-rc\.d|update-rc\.d|py3?compile|py3clean|systemctl|service)( |$)/,
]

/** Reads a maintainer script of the shell as data, without running it. What it may do beyond is in `rest`, a command a line. */
export function readScript(text: string): ReadScript {
  const { plain, snippets } = splitSnippets(text)
  const effects: ScriptEffect[] = []
  const rest: string[] = []
  for (const line of [...commandsOf(snippets), ...withoutUncalled(withoutUpgrades(commandsOf(plain)))]) {
    const found = effectOf(line)
    if (found !== undefined) effects.push(found)
    else if (!frame.some((pattern) => pattern.test(line))) rest.push(line)
  }
  return { effects, rest }
}

/** Takes the snippets of debhelper apart: those that are understood are left with the effects in them. */
function splitSnippets(text: string): { readonly plain: string; readonly snippets: string } {
  const snippets: string[] = []
  const plain = text.replace(
    /^# Automatically added by (\S+?)(?:\/\S*)?\n([^]*?)^# End automatically added section$/gm,
    (_, name: string, body: string) => {
      if (!understoodSnippets.test(name)) return body
      if (name === 'dh_installalternatives') {
        snippets.push(...commandsOf(body).filter((line) => effectOf(line) !== undefined))
      }
      return ''
    },
  )
  return { plain, snippets: snippets.join('\n') }
}

// A condition that holds only where an earlier version was installed.
const onUpgrade =
  /^if (?!.*\|\|).*(-n "?\$\{?2\}?"?|"x\$2" != "x"|"?\$\{?2\}?"? != ""|--compare-versions "?\$\{?2\}?"? lt-nl)/

/** Without what is done on upgrades only: an image has none of the package before. */
function withoutUpgrades(lines: readonly string[]): readonly string[] {
  const kept: string[] = []
  let depth = 0
  for (const line of lines) {
    const opens = line.startsWith('if ') && !/(^|;\s*)fi$/.test(line)
    if (depth > 0) depth += opens ? 1 : /^fi\b/.test(line) ? -1 : 0
    else if (opens && onUpgrade.test(line)) depth = 1
    else kept.push(line)
  }
  return kept
}

/** Without functions that nothing is left to call. */
function withoutUncalled(lines: readonly string[]): readonly string[] {
  let kept = lines
  for (const line of lines) {
    const [, name] = /^(?:function )?(\w+) ?\(\) ?\{$/.exec(line) ?? []
    const start = kept.indexOf(line)
    const end = kept.indexOf('}', start)
    if (name === undefined || start === -1 || end === -1) continue
    const others = [...kept.slice(0, start), ...kept.slice(end + 1)]
    if (!others.some((other) => new RegExp(`\\b${name}\\b`).test(other))) kept = others
  }
  return kept
}

function commandsOf(text: string): readonly string[] {
  return text
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n')
    .map((line) =>
      line
        .trim()
        .replace(/^#.*$/, '')
        .replace(/\s+#\s.*$/, ''),
    )
    .filter((line) => line !== '')
}

function effectOf(line: string): ScriptEffect | undefined {
  const words = wordsOf(
    line
      .replace(/^(if )?(!\s*)?(\/usr\/s?bin\/|\/s?bin\/)?/, '')
      .replace(/\s*(\d?>\s*\/dev\/null|\d?>&\d|\|\|\s*(true|:)|;\s*then)\s*/g, ' ')
      .trim(),
  )
  // What depends on a variable or on the answer of a program is not known here.
  if (words === undefined) return undefined
  const [program = '', ...args] = words
  switch (program) {
    case 'update-alternatives':
      return alternative(args)
    case 'adduser':
      return addUser(args)
    case 'useradd':
      return userAdd(args)
    case 'addgroup':
    case 'groupadd':
      return addGroup(args)
    case 'add-shell':
      return args.length === 1 && args[0]?.startsWith('/') === true ? { kind: 'shell', path: args[0] } : undefined
    default:
      return undefined
  }
}

/** Splits a command into words; undefined when it is more than plain words. */
function wordsOf(line: string): readonly string[] | undefined {
  const words: string[] = []
  const token = /\s*(?:"([^"$`\\]*)"|'([^']*)'|([^\s"'$`\\;|&<>(){}]+))(?=\s|$)/y
  let at = 0
  while (at < line.length) {
    token.lastIndex = at
    const match = token.exec(line)
    if (match === null) return line.slice(at).trim() === '' ? words : undefined
    words.push(match[1] ?? match[2] ?? match[3] ?? '')
    at = token.lastIndex
  }
  return words
}

function alternative(args: readonly string[]): Alternative | undefined {
  const from = args.indexOf('--install')
  const [link, name, path, priority] = args.slice(from + 1)
  if (from === -1 || link === undefined || name === undefined || path === undefined || !/^-?\d+$/.test(priority ?? ''))
    return undefined
  const followers: Alternative['followers'][number][] = []
  for (const [index, word] of args.entries()) {
    if (word !== '--slave' && word !== '--follower') continue
    const [followerLink, followerName, followerPath] = args.slice(index + 1)
    if (followerLink === undefined || followerName === undefined || followerPath === undefined) return undefined
    followers.push({ link: followerLink, name: followerName, path: followerPath })
  }
  return { kind: 'alternative', link, name, path, priority: Number(priority), followers }
}

/** Options by name, with a value where the program takes one; and what is no option. */
function optionsOf(
  args: readonly string[],
  valued: readonly string[],
): { readonly options: ReadonlyMap<string, string>; readonly names: readonly string[] } {
  const options = new Map<string, string>()
  const names: string[] = []
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? ''
    const [, name = '', value] = /^(--?[\w-]+)(?:=(.*))?$/.exec(word) ?? []
    if (name === '') names.push(word)
    else if (value === undefined && valued.includes(name)) options.set(name, args[++at] ?? '')
    else options.set(name, value ?? '')
  }
  return { options, names }
}

const accountName = /^[a-z_][A-Za-z0-9_.-]*$/

function addUser(args: readonly string[]): ScriptEffect | undefined {
  const { options, names } = optionsOf(args, [
    '--home',
    '--shell',
    '--uid',
    '--gid',
    '--ingroup',
    '--gecos',
    '--comment',
    '--conf',
  ])
  const [name, group] = names
  if (name === undefined || !accountName.test(name) || names.length > 2) return undefined
  if (group !== undefined) return { kind: 'member', user: name, group }
  if (!options.has('--system')) return undefined
  const home = options.get('--home')
  return userOf(name, {
    uid: options.get('--uid'),
    group: options.has('--group') ? true : options.get('--ingroup'),
    home,
    makesHome: home !== undefined && !options.has('--no-create-home'),
    shell: options.get('--shell'),
    comment: options.get('--gecos') ?? options.get('--comment'),
  })
}

function userAdd(args: readonly string[]): ScriptEffect | undefined {
  const { options, names } = optionsOf(args, [
    '-d',
    '--home-dir',
    '--home',
    '-g',
    '--gid',
    '-s',
    '--shell',
    '-u',
    '--uid',
    '-c',
    '--comment',
    '-G',
    '--groups',
    '-K',
  ])
  const [name] = names
  if (name === undefined || names.length !== 1 || !accountName.test(name)) return undefined
  if (!options.has('-r') && !options.has('--system')) return undefined
  return userOf(name, {
    uid: options.get('-u') ?? options.get('--uid'),
    group: options.get('-g') ?? options.get('--gid') ?? true,
    home: options.get('-d') ?? options.get('--home-dir') ?? options.get('--home'),
    makesHome: options.has('-m') || options.has('--create-home'),
    shell: options.get('-s') ?? options.get('--shell'),
    comment: options.get('-c') ?? options.get('--comment'),
  })
}

function userOf(
  name: string,
  said: {
    readonly uid: string | undefined
    readonly group: string | true | undefined
    readonly home: string | undefined
    readonly makesHome: boolean
    readonly shell: string | undefined
    readonly comment: string | undefined
  },
): ScriptUser {
  const { uid, group, home, makesHome, shell, comment } = said
  return {
    kind: 'user',
    name,
    makesHome,
    ...(uid !== undefined && /^\d+$/.test(uid) ? { uid: Number(uid) } : {}),
    ...(group === undefined ? {} : { group }),
    ...(home === undefined ? {} : { home }),
    ...(shell === undefined ? {} : { shell }),
    ...(comment === undefined ? {} : { comment }),
  }
}

function addGroup(args: readonly string[]): ScriptEffect | undefined {
  const { options, names } = optionsOf(args, ['--gid', '-g', '-K'])
  const [name] = names
  if (name === undefined || names.length !== 1 || !accountName.test(name)) return undefined
  const gid = options.get('--gid') ?? options.get('-g')
  return { kind: 'group', name, ...(gid !== undefined && /^\d+$/.test(gid) ? { gid: Number(gid) } : {}) }
}
