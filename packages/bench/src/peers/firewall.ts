import { run, runStatus, which } from '@gantry/process'

/** The host's firewall as it was, to be put back. */
export interface SavedFirewall {
  restore(): Promise<void>
}

const programs = ['iptables', 'ip6tables'] as const

/**
 * Remembers the rules that iptables sees (with the program of the given root, which a daemon in it uses as well), and which
 * nftables tables there are. Restoring puts the rules back and removes tables that were not there and are empty then.
 */
export async function saveFirewall(root: string): Promise<SavedFirewall> {
  const tables = await listTables()
  const saved = await Promise.all(
    programs.map(async (program) => (await runStatus('chroot', [root, `${program}-save`])).stdout),
  )
  return {
    async restore() {
      for (const [index, program] of programs.entries()) {
        // A table that had no rules is not in what was saved: empty it by name.
        const now = (await runStatus('chroot', [root, `${program}-save`])).stdout
        const before = saved[index] ?? ''
        const emptied = tableNames(now).filter((name) => !tableNames(before).includes(name))
        const text = before + emptied.map((name) => `*${name}\nCOMMIT\n`).join('')
        if (text !== '') await runStatus('chroot', [root, `${program}-restore`], { input: text })
      }
      for (const table of await listTables()) {
        if (tables.includes(table)) continue
        const [family = '', name = ''] = table.split(' ')
        const { stdout } = await runStatus('nft', ['list', 'table', family, name])
        if (isEmpty(stdout)) await runStatus('nft', ['delete', 'table', family, name])
      }
    },
  }
}

function tableNames(rules: string): string[] {
  return [...rules.matchAll(/^\*(\S+)$/gm)].map((match) => match[1] ?? '')
}

/** Whether a table that nft lists has neither rules nor chains of its own: base chains that accept count as nothing. */
export function isEmpty(listing: string): boolean {
  const lines = listing.split('\n').map((line) => line.trim())
  const meaningful = lines.filter(
    (line) =>
      line !== '' &&
      line !== '}' &&
      !/^(table|chain) /.test(line) &&
      !/^type \S+ hook .*policy accept;$/.test(line) &&
      !line.startsWith('#'),
  )
  return meaningful.length === 0
}

async function listTables(): Promise<string[]> {
  if (which('nft') === undefined) return []
  const { stdout } = await run('nft', ['list', 'tables'])
  return stdout.split('\n').flatMap((line) => /^table (\S+ \S+)$/.exec(line.trim())?.[1] ?? [])
}
