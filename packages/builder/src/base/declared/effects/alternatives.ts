import { putDirectory, putFile, putLink, type BaseRoot } from '../base-root.ts'
import type { Alternative } from './read-script.ts'

/**
 * Links every name with alternatives to the one of the highest priority, through `etc/alternatives`, and writes
 * update-alternatives' own records when the image has that program.
 *
 * @see https://manpages.debian.org/bookworm/dpkg/update-alternatives.1.en.html
 */
export function writeAlternatives(root: BaseRoot, all: readonly Alternative[]): void {
  const there = all.filter(({ path }) => root.tree.has(path.slice(1)))
  const records = root.tree.has('usr/bin/update-alternatives')
  const names = [...new Set(there.map(({ name }) => name))].toSorted()
  if (names.length > 0 || records) putDirectory(root, 'etc/alternatives')
  for (const name of names) {
    const choices = there.filter((each) => each.name === name).toSorted((a, b) => (a.path < b.path ? -1 : 1))
    const [best] = choices.toSorted((a, b) => b.priority - a.priority)
    if (best === undefined) continue
    link(root, best)
    for (const follower of best.followers) if (root.tree.has(follower.path.slice(1))) link(root, follower)
    if (records) putFile(root, `var/lib/dpkg/alternatives/${name}`, printRecord(choices))
  }
}

function link(
  root: BaseRoot,
  { link: from, name, path }: { readonly link: string; readonly name: string; readonly path: string },
): void {
  putLink(root, `etc/alternatives/${name}`, path)
  putLink(root, from.slice(1), `/etc/alternatives/${name}`)
}

function printRecord(choices: readonly Alternative[]): string {
  const followers = new Map(
    choices.flatMap((choice) => choice.followers.map((each) => [each.name, each.link] as const)),
  )
  const names = [...followers.keys()].toSorted()
  const lines = ['auto', choices[0]?.link ?? '', ...names.flatMap((name) => [name, followers.get(name) ?? '']), '']
  for (const { path, priority, followers: own } of choices) {
    lines.push(path, String(priority), ...names.map((name) => own.find((each) => each.name === name)?.path ?? ''))
  }
  return `${lines.join('\n')}\n\n`
}
