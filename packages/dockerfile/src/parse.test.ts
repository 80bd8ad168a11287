import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { renderDiagnostic } from './diagnostic.ts'
import { DockerfileError } from './error.ts'
import { heredocBody } from './heredoc.ts'
import { largestDockerfile, parseDockerfile } from './parse.ts'
import type { CopyInstruction, RunInstruction, StageInstruction } from './syntax.ts'

const one = (line: string, head = 'FROM scratch\n'): StageInstruction => {
  const [instruction] = parseDockerfile(head + line).stages[0]!.instructions
  assert.ok(instruction)
  return instruction
}
/** What a flag that was not given means. */
const defaults: Readonly<Record<string, unknown>> = {
  link: false,
  parents: false,
  excludes: [],
  mounts: [],
  devices: [],
  network: 'default',
  security: 'sandbox',
  heredocs: [],
}
/** The tree without places and without what is as usual, for comparison. */
const plain = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (key, child: unknown) =>
      ['range', 'keyword', 'written', 'comments'].includes(key) ||
      (key in defaults && JSON.stringify(defaults[key]) === JSON.stringify(child))
        ? undefined
        : typeof child === 'object' && child !== null && 'text' in child && 'range' in child && !('form' in child)
          ? child.text
          : child,
    ),
  )

const good: readonly (readonly [rule: string, text: string, tree: unknown])[] = [
  ['RUN in the shell form', 'RUN echo  "a"', { kind: 'run', command: { form: 'shell', text: 'echo  "a"' } }],
  ['RUN in the exec form', 'RUN ["a", "b\\"c"]', { kind: 'run', command: { form: 'exec', words: ['a', 'b"c'] } }],
  ['P11 broken JSON is the shell form', "RUN ['a']", { kind: 'run', command: { form: 'shell', text: "['a']" } }],
  ['P8 keywords in any case', 'rUn x', { kind: 'run', command: { form: 'shell', text: 'x' } }],
  ['P8 blanks before the keyword', '\t CMD x', { kind: 'cmd', command: { form: 'shell', text: 'x' } }],
  ['P9 continuation', 'RUN a \\\n  b', { kind: 'run', command: { form: 'shell', text: 'a   b' } }],
  ['P9 blanks after the continuation', 'RUN a \\  \n  b', { kind: 'run', command: { form: 'shell', text: 'a   b' } }],
  [
    'P9 a doubled escape does not continue',
    'RUN a \\\\\nRUN b',
    { kind: 'run', command: { form: 'shell', text: 'a \\\\' } },
  ],
  [
    'P9 comments inside a continuation',
    'RUN a \\\n # no\n b',
    { kind: 'run', command: { form: 'shell', text: 'a  b' } },
  ],
  [
    'P9 an empty line inside a continuation',
    'RUN a \\\n\n b',
    { kind: 'run', command: { form: 'shell', text: 'a  b' } },
  ],
  ['P9 a # elsewhere is text', 'RUN a # b', { kind: 'run', command: { form: 'shell', text: 'a # b' } }],
  ['P9 the file may end in a continuation', 'RUN a \\', { kind: 'run', command: { form: 'shell', text: 'a' } }],
  ['P2 CRLF', 'RUN a \\\r\n b\r\n', { kind: 'run', command: { form: 'shell', text: 'a  b' } }],
  [
    'ENV pairs',
    'ENV a=1 b="x y" c=\\ d',
    {
      kind: 'env',
      pairs: [
        { name: 'a', value: '1' },
        { name: 'b', value: '"x y"' },
        { name: 'c', value: '\\ d' },
      ],
    },
  ],
  ['ENV in the old form', 'ENV a b  c=d', { kind: 'env', pairs: [{ name: 'a', value: 'b  c=d' }] }],
  ['ENV with an empty value', 'ENV a=', { kind: 'env', pairs: [{ name: 'a', value: '' }] }],
  ['LABEL with a quoted name', 'LABEL "a b"=c', { kind: 'label', pairs: [{ name: '"a b"', value: 'c' }] }],
  [
    'ARG with and without default',
    'ARG a b=c d=',
    { kind: 'arg', args: [{ name: 'a' }, { name: 'b', value: 'c' }, { name: 'd', value: '' }] },
  ],
  [
    'COPY',
    'COPY a b /c/',
    {
      kind: 'copy',
      sources: [
        { kind: 'path', path: 'a' },
        { kind: 'path', path: 'b' },
      ],
      destination: '/c/',
    },
  ],
  [
    'COPY with JSON',
    'COPY ["a b", "/c"]',
    { kind: 'copy', sources: [{ kind: 'path', path: 'a b' }], destination: '/c' },
  ],
  [
    'COPY with flags',
    'COPY --from=x --chown=1:2 --chmod=755 a b',
    { kind: 'copy', sources: [{ kind: 'path', path: 'a' }], destination: 'b', from: 'x', chown: '1:2', chmod: '755' },
  ],
  ['P12 -- ends flags', 'COPY -- --a b', { kind: 'copy', sources: [{ kind: 'path', path: '--a' }], destination: 'b' }],
  [
    'COPY with every flag',
    'COPY --link --parents --exclude=*.md --exclude=a,b --from=0 x/./y /z',
    {
      kind: 'copy',
      sources: [{ kind: 'path', path: 'x/./y' }],
      destination: '/z',
      from: '0',
      link: true,
      parents: true,
      excludes: ['*.md', 'a,b'],
    },
  ],
  [
    'P12 a switch that is off',
    'COPY --link=false --parents=TRUE a b',
    { kind: 'copy', sources: [{ kind: 'path', path: 'a' }], destination: 'b', parents: true },
  ],
  [
    'ADD with every flag',
    'ADD --checksum=sha256:0 --keep-git-dir --unpack=false --link --chown=a --chmod=u+x --exclude=e https://x/y.tgz /d/',
    {
      kind: 'add',
      sources: [{ kind: 'path', path: 'https://x/y.tgz' }],
      destination: '/d/',
      chown: 'a',
      chmod: 'u+x',
      link: true,
      excludes: ['e'],
      checksum: 'sha256:0',
      keepGitDir: true,
      unpack: false,
    },
  ],
  [
    'RUN with every flag',
    'RUN --mount=type=cache,target=/x --mount=type=secret,id=s --network=NONE --security=insecure --device=a.b/c=d,required x',
    {
      kind: 'run',
      command: { form: 'shell', text: 'x' },
      mounts: [
        {
          fields: [
            { key: 'type', value: 'cache' },
            { key: 'target', value: '/x' },
          ],
        },
        {
          fields: [
            { key: 'type', value: 'secret' },
            { key: 'id', value: 's' },
          ],
        },
      ],
      network: 'none',
      security: 'insecure',
      devices: [{ name: 'a.b/c=d', required: true }],
    },
  ],
  [
    'ONBUILD',
    'ONBUILD  copy --chown=1 . \\\n  /app',
    {
      kind: 'onbuild',
      trigger: 'copy --chown=1 .   /app',
      instruction: {
        kind: 'copy',
        sources: [{ kind: 'path', path: '.' }],
        destination: '/app',
        chown: '1',
      },
    },
  ],
  [
    'ONBUILD with a heredoc',
    'ONBUILD RUN <<EOF\necho a\nEOF',
    {
      kind: 'onbuild',
      trigger: 'RUN <<EOF\necho a\nEOF',
      instruction: {
        kind: 'run',
        command: { form: 'shell', text: '<<EOF' },
        heredocs: [{ name: 'EOF', descriptor: 0, chomp: false, expand: true, content: 'echo a\n' }],
      },
    },
  ],
  ['WORKDIR with blanks', 'WORKDIR /a b', { kind: 'workdir', argument: '/a b' }],
  ['EXPOSE', 'EXPOSE 80 $P/udp', { kind: 'expose', arguments: ['80', '$P/udp'] }],
  ['VOLUME as words', 'VOLUME /a /b', { kind: 'volume', arguments: ['/a', '/b'] }],
  ['VOLUME as JSON', 'VOLUME ["/a b"]', { kind: 'volume', arguments: ['/a b'] }],
  ['SHELL', 'SHELL ["/bin/bash", "-c"]', { kind: 'shell', words: ['/bin/bash', '-c'] }],
  ['ENTRYPOINT cleared', 'ENTRYPOINT []', { kind: 'entrypoint', command: { form: 'exec', words: [] } }],
  [
    'HEALTHCHECK NONE',
    'HEALTHCHECK none',
    { kind: 'healthcheck', interval: 0, timeout: 0, startPeriod: 0, startInterval: 0, retries: 0 },
  ],
  [
    'HEALTHCHECK CMD',
    'HEALTHCHECK --interval=1m30s --retries=3 CMD ["x"]',
    {
      kind: 'healthcheck',
      command: { form: 'exec', words: ['x'] },
      interval: 90e9,
      timeout: 0,
      startPeriod: 0,
      startInterval: 0,
      retries: 3,
    },
  ],
]

test('parse: what each instruction becomes', async (t) => {
  for (const [rule, text, tree] of good) {
    await t.test(rule, () => assert.deepEqual(plain(one(text)), tree))
  }
})

const bad: readonly (readonly [rule: string, text: string, code: string, line: number, column: number])[] = [
  ['P4 an empty file', '', 'EMPTY', 1, 1],
  ['P4 only comments', '# a\n\n# b\n', 'EMPTY', 1, 1],
  ['only ARG', 'ARG a', 'EMPTY', 1, 1],
  ['P5 a directive twice', '# escape=`\n# escape=\\\nFROM x', 'DIRECTIVE_INVALID', 2, 1],
  ['P5 a wrong escape', '# escape=x\nFROM x', 'DIRECTIVE_INVALID', 1, 1],
  ['P13 before FROM', 'ARG a\nRUN x\nFROM y', 'INSTRUCTION_MISPLACED', 2, 1],
  ['P13 unknown', 'FROM x\n  RUNN y', 'INSTRUCTION_UNKNOWN', 2, 3],
  ['ONBUILD of nothing', 'FROM x\nONBUILD', 'ARGUMENTS_INVALID', 2, 1],
  ['ONBUILD of ONBUILD', 'FROM x\nONBUILD ONBUILD RUN a', 'INSTRUCTION_MISPLACED', 2, 9],
  ['ONBUILD of FROM', 'FROM x\nONBUILD from a', 'INSTRUCTION_MISPLACED', 2, 9],
  ['ONBUILD of something unknown', 'FROM x\nONBUILD RUNN a', 'INSTRUCTION_UNKNOWN', 2, 9],
  ['a switch that is neither on nor off', 'FROM x\nCOPY --link=maybe a b', 'FLAG_INVALID', 2, 13],
  ['an unknown flag after a continuation', 'FROM x\nCOPY \\\n  --lnk a b', 'FLAG_UNKNOWN', 3, 3],
  ['RUN with an unknown network', 'FROM x\nRUN --network=bridge a', 'FLAG_INVALID', 2, 15],
  ['RUN with an unknown mount', 'FROM x\nRUN --mount=type=disk,target=/x a', 'FLAG_INVALID', 2, 13],
  ['RUN with a mount at the root', 'FROM x\nRUN --mount=type=cache,target=/ a', 'FLAG_INVALID', 2, 13],
  ['RUN with a mount from a variable', 'FROM x\nRUN --mount=from=$x,target=/a a', 'FLAG_INVALID', 2, 13],
  ['RUN with an odd device', 'FROM x\nRUN --device=a,b c', 'FLAG_INVALID', 2, 14],
  ['ADD to a heredoc', 'FROM x\nADD a <<EOF\nEOF', 'HEREDOC_INVALID', 2, 7],
  ['P12 an unknown flag', 'FROM x\nCOPY --chwon=1 a b', 'FLAG_UNKNOWN', 2, 6],
  ['P12 a flag twice', 'FROM x\nCOPY --chmod=1 --chmod=2 a b', 'FLAG_INVALID', 2, 16],
  ['P12 a flag without value', 'FROM x\nCOPY --chmod a b', 'FLAG_INVALID', 2, 6],
  ['flags where there are none', 'FROM x\nENV --x a=b', 'FLAG_UNKNOWN', 2, 5],
  ['FROM with two words', 'FROM x y', 'ARGUMENTS_INVALID', 1, 8],
  ['FROM with a bad name', 'FROM x AS 1a', 'ARGUMENTS_INVALID', 1, 11],
  ['FROM without image', 'FROM', 'ARGUMENTS_INVALID', 1, 1],
  ['COPY with one word', 'FROM x\nCOPY a', 'ARGUMENTS_INVALID', 2, 6],
  ['COPY --from with a variable', 'FROM x\nCOPY --from=$a b c', 'FLAG_INVALID', 2, 13],
  ['COPY to a heredoc', 'FROM x\nCOPY a <<EOF\nEOF', 'HEREDOC_INVALID', 2, 8],
  ['COPY with JSON of numbers', 'FROM x\nCOPY [1, 2]', 'ARGUMENTS_INVALID', 2, 6],
  ['P10 unterminated', 'FROM x\nRUN cat <<EOF\na\n', 'HEREDOC_UNTERMINATED', 2, 9],
  ['ENV without =', 'FROM x\nENV a=1 b', 'ARGUMENTS_INVALID', 2, 9],
  ['ENV without a value', 'FROM x\nENV a', 'ARGUMENTS_INVALID', 2, 5],
  ['ENV without a name', 'FROM x\nENV =a', 'ARGUMENTS_INVALID', 2, 5],
  ['ARG without a name', 'FROM x\nARG =a', 'ARGUMENTS_INVALID', 2, 5],
  ['RUN without a command', 'FROM x\nRUN', 'ARGUMENTS_INVALID', 2, 1],
  ['SHELL without JSON', 'FROM x\nSHELL bash', 'ARGUMENTS_INVALID', 2, 7],
  ['VOLUME of nothing', 'FROM x\nVOLUME [""]', 'ARGUMENTS_INVALID', 2, 9],
  ['HEALTHCHECK of something', 'FROM x\nHEALTHCHECK x', 'ARGUMENTS_INVALID', 2, 13],
  ['HEALTHCHECK with a bad duration', 'FROM x\nHEALTHCHECK --interval=1x CMD a', 'FLAG_INVALID', 2, 24],
  ['HEALTHCHECK with a tiny duration', 'FROM x\nHEALTHCHECK --interval=1us CMD a', 'FLAG_INVALID', 2, 24],
  ['P3 a long line', `FROM x\nRUN ${'a'.repeat(70_000)}`, 'LINE_TOO_LONG', 2, 1],
]

test('parse: mistakes, each at its place', async (t) => {
  for (const [rule, text, code, line, column] of bad) {
    await t.test(rule, () => {
      assert.throws(
        () => parseDockerfile(text, { file: 'Dockerfile.x' }),
        (error) => {
          assert.ok(error instanceof DockerfileError)
          const { offset } = error
          assert.deepEqual(
            { code: error.code, line: error.line, column: error.column, file: error.file },
            { code, line, column, file: 'Dockerfile.x' },
          )
          assert.equal(text.slice(0, offset).split('\n').length, line)
          return true
        },
      )
    })
  }
})

const hint = (text: string): unknown => {
  try {
    parseDockerfile(text)
  } catch (error) {
    return (error as DockerfileError).hint
  }
  return undefined
}

test('parse: a slip of the pen gets a hint', () => {
  assert.equal(hint('FROM x\nCPOY a b'), 'did you mean COPY?')
  assert.equal(hint('FROM x\nRUN --mount=type=cache,traget=/x a'), 'did you mean target?')
  assert.equal(hint('FROM x\nCOPY --chwon=1 a b'), 'did you mean --chown?')
})

test('parse: the diagnostic shows the line and a caret', () => {
  const text = 'FROM x\nCOPY --chwon=1 a b\n'
  assert.throws(
    () => parseDockerfile(text),
    (error) => {
      assert.equal(
        renderDiagnostic(text, error as DockerfileError),
        [
          'Dockerfile:2:6: COPY has no flag --chwon',
          '  |',
          '2 | COPY --chwon=1 a b',
          '  |      ^^^^^^^^^',
          '  = did you mean --chown?',
        ].join('\n'),
      )
      return true
    },
  )
})

test('parse: the diagnostic cuts wide lines and hides control characters', () => {
  const text = `FROM x\nCOPY ${'\u001b'.repeat(300)} --x`
  const shown = renderDiagnostic(text, { message: 'm', file: 'f', line: 2, column: 200, length: 3 })
  assert.ok(!shown.includes('\u001b'))
  assert.ok(shown.split('\n').every((line) => line.length < 180))
})

test('parse: directives', () => {
  const { directives } = parseDockerfile(
    '\uFEFF# syntax=docker/dockerfile:1\n#ESCAPE = `\n# check=skip=all\nFROM x\nRUN a `\n b',
  )
  assert.deepEqual(directives, { syntax: 'docker/dockerfile:1', escape: '`', check: 'skip=all' })
})

test('parse: a comment or an unknown key ends the directives', () => {
  for (const head of ['# a\n', '# foo=bar\n', '\n']) {
    assert.equal(parseDockerfile(`${head}# escape=\`\nFROM x`).directives.escape, '\\', head)
  }
})

test('parse: globals, stages, names and platforms', () => {
  const { globals, stages } = parseDockerfile('ARG V=1\nFROM --platform=linux/amd64 a:$V AS Base\nFROM base\nARG V\n')
  assert.equal(globals.length, 1)
  assert.deepEqual(
    stages.map(({ index, name, from }) => [index, name, from.image.text, from.platform?.text]),
    [
      [0, 'base', 'a:$V', 'linux/amd64'],
      [1, undefined, 'base', undefined],
    ],
  )
})

test('parse: comments above an instruction belong to it', () => {
  const instruction = one('# one\n# two\nARG a')
  assert.deepEqual(instruction.comments, ['one', 'two'])
  assert.deepEqual(one('# far\n\nARG a').comments, [])
})

test('parse: ranges point into the source across continuations', () => {
  const text = 'FROM x\nCOPY a \\\n  # note\n  bcd /e\n'
  const copy = parseDockerfile(text).stages[0]!.instructions[0] as CopyInstruction
  const source = copy.sources[1]!
  assert.ok(source.kind === 'path')
  const { start, end } = source.path.range
  assert.equal(text.slice(start.offset, end.offset), 'bcd')
  assert.deepEqual([start.line, start.column], [4, 3])
})

test('heredoc: several on one line, in order', () => {
  const run = one('RUN cat <<A 3<<-"B" && x\na $v\nA\n\tb\n\tB\nRUN y') as RunInstruction
  assert.deepEqual(
    run.heredocs.map((heredoc) => ({ ...heredoc, range: undefined })),
    [
      { name: 'A', descriptor: 0, chomp: false, expand: true, content: 'a $v\n', range: undefined },
      { name: 'B', descriptor: 3, chomp: true, expand: false, content: '\tb\n', range: undefined },
    ],
  )
  assert.equal(heredocBody(run.heredocs[1]!), 'b\n')
})

test('heredoc: sources of COPY', () => {
  const copy = one("COPY <<a.txt <<'b.txt' c /d/\n1\na.txt\n2\nb.txt\n") as CopyInstruction
  assert.deepEqual(
    copy.sources.map((source) =>
      source.kind === 'path' ? source.path.text : [source.heredoc.name, source.heredoc.content],
    ),
    [['a.txt', '1\n'], ['b.txt', '2\n'], 'c'],
  )
})

test('heredoc: not in the exec form, not in other instructions, not in quotes', () => {
  assert.equal((one('RUN ["a", "<<EOF"]') as RunInstruction).heredocs.length, 0)
  assert.equal((one('RUN echo "<<EOF"') as RunInstruction).heredocs.length, 0)
  assert.equal((one('RUN echo $((1<<2))') as RunInstruction).heredocs.length, 0)
  assert.equal(one('CMD cat <<EOF').kind, 'cmd')
})

test('parse: warnings', () => {
  const { warnings } = parseDockerfile('FROM x\nENV a b\nMAINTAINER m\nRUN a \\\n\n b')
  assert.deepEqual(
    warnings.map(({ rule, range }) => [rule, range.start.line]),
    [
      ['LegacyKeyValueFormat', 2],
      ['MaintainerDeprecated', 3],
      ['NoEmptyContinuation', 4],
    ],
  )
})

test('parse: too large', () => {
  assert.throws(() => parseDockerfile('#'.repeat(largestDockerfile + 1)), { code: 'TOO_LARGE', line: 1 })
})

test('parse: endless continuations are only long', () => {
  const run = one(`RUN a ${'\\\n b '.repeat(100_000)}`) as RunInstruction
  assert.equal(run.command.form, 'shell')
})

test('parse: any text parses or fails with a place in it', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'FROM x',
      'RUN',
      'COPY',
      'ENV',
      'ARG',
      '--from=',
      '--chmod=1',
      '<<EOF',
      'EOF',
      '\n',
      '\\\n',
      ' ',
      '\t',
      '=',
      '"',
    ),
    fc.constantFrom(
      "'",
      '[',
      ']',
      '{',
      '"a",',
      '#',
      '# escape=`\n',
      '$',
      '\\',
      '`',
      '\r\n',
      'HEALTHCHECK',
      'CMD',
      'LABEL a',
      'FROM',
    ),
    fc.string({ maxLength: 4, unit: 'binary' }),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 25 }), (pieces) => {
      const text = pieces.join('')
      try {
        parseDockerfile(text)
      } catch (error) {
        assert.ok(error instanceof DockerfileError, String((error as Error).stack))
        assert.ok(error.line >= 1 && error.column >= 1 && error.offset >= 0 && error.offset <= text.length)
        assert.ok(renderDiagnostic(text, error).includes('^'))
      }
    }),
    { numRuns: 3000 },
  )
})
