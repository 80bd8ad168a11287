import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defineCommand } from '../command.ts'
import { commands, groups } from '../table.ts'
import { boolean, list, text } from './flag.ts'
import { renderHelp, wrap } from './render-help.ts'

test('renderHelp lays a command out as docker does', () => {
  const command = defineCommand({
    name: 'do',
    aliases: ['thing do'],
    summary: 'Do a thing',
    usage: '[OPTIONS] THING',
    arguments: [1],
    flags: {
      zeal: boolean('Do it with zeal'),
      env: list('Set environment variables, one after the other, as many as wanted', { short: 'e' }),
      mode: text('How', { initial: 'fast' }),
    },
    run: () => Promise.resolve(),
  })
  assert.equal(
    renderHelp(command, 50),
    `Usage:  gantry do [OPTIONS] THING

Do a thing

Aliases:
  gantry thing do, gantry do

Options:
  -e, --env list      Set environment variables,
                      one after the other, as many
                      as wanted
      --mode string   How (default "fast")
      --zeal          Do it with zeal
`,
  )
})

test('wrap breaks at spaces and keeps line breaks', () => {
  assert.deepEqual(wrap('aa bb cc\ndddddddd e', 5), ['aa bb', 'cc', 'dddddddd', 'e'])
})

test('every command of the table loads, is called what the table calls it, and has a help that fits 80 columns', async () => {
  const rows = Object.entries(commands).concat(
    Object.entries(groups).flatMap(([word, group]) =>
      Object.entries(group.commands).map(([name, row]) => [`${word} ${name}`, row] as const),
    ),
  )
  for (const [name, row] of rows) {
    let command
    try {
      command = await row.load()
    } catch (error) {
      // Another package does not export yet what this command imports.
      if (error instanceof SyntaxError) continue
      throw error
    }
    assert.ok([command.name, ...command.aliases].includes(name) || /^(?:container|image|builder)/.test(name), name)
    const widest = Math.max(
      ...renderHelp(command, 80)
        .split('\n')
        .filter((line) => line.startsWith('  -') || line.startsWith('      '))
        .map((line) => line.length),
    )
    assert.ok(widest <= 80, `${name}: ${widest}`)
  }
})
