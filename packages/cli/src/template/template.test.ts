import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { compileTemplate } from './run-template.ts'

const data = {
  Id: 'abc',
  Count: 3,
  None: null,
  Empty: [],
  Config: { Env: ['A=1', 'B=2'], Labels: { 'com.example': 'yes', b: '2' }, Tty: false },
  State: { Status: 'running', Running: true },
}

const rows: readonly [rule: string, template: string, expected: string][] = [
  ['text stays', 'plain } text', 'plain } text'],
  ['a field', '{{.Id}}', 'abc'],
  ['a field of a field', '{{ .State.Status }}', 'running'],
  ['a field in another case', '{{.ID}}', 'abc'],
  ['a list prints as Go prints it', '{{.Config.Env}}', '[A=1 B=2]'],
  ['a map prints sorted', '{{.Config.Labels}}', 'map[b:2 com.example:yes]'],
  ['null', '{{.None}}', '<nil>'],
  ['json', '{{json .Config.Env}} {{json .None}}', '["A=1","B=2"] null'],
  ['a pipeline', '{{.Config | json}}', JSON.stringify(data.Config)],
  ['index of a map', '{{index .Config.Labels "com.example"}}', 'yes'],
  ['index of a list', '{{index .Config.Env 1}}', 'B=2'],
  ['an absent key of a map', '{{index .Config.Labels "x"}}', '<no value>'],
  ['an absent lower-case field', '{{.Config.Labels.x}}', '<no value>'],
  ['fields of a parenthesised value', '{{(index .Config.Env 0) | len}}', '3'],
  ['range over a list', '{{range .Config.Env}}<{{.}}>{{end}}', '<A=1><B=2>'],
  ['range with an index', '{{range $i, $e := .Config.Env}}{{$i}}={{$e}};{{end}}', '0=A=1;1=B=2;'],
  ['range over a map is sorted', '{{range $k, $v := .Config.Labels}}{{$k}}:{{$v}} {{end}}', 'b:2 com.example:yes '],
  ['range over nothing', '{{range .Empty}}x{{else}}none{{end}}', 'none'],
  [
    'break and continue',
    '{{range $i, $e := .Config.Env}}{{if eq $i 0}}{{continue}}{{end}}{{$e}}{{break}}{{end}}',
    'B=2',
  ],
  ['the root inside a range', '{{range .Config.Env}}{{$.Id}} {{end}}', 'abc abc '],
  ['if and else', '{{if .State.Running}}up{{else}}down{{end}}', 'up'],
  ['else if', '{{if .Config.Tty}}a{{else if eq .State.Status "running"}}b{{else}}c{{end}}', 'b'],
  ['an absent field is false', '{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}', 'none'],
  ['with', '{{with .State}}{{.Status}}{{end}}{{with .None}}x{{else}}y{{end}}', 'runningy'],
  ['and, or, not', '{{and true .Id}} {{or .None "x"}} {{not .Config.Tty}}', 'abc x true'],
  ['comparisons', '{{eq .Count 3}} {{ne .Id "x"}} {{lt .Count 4}} {{ge .Count 4}}', 'true true true false'],
  ['eq with several', '{{eq .Id "x" "abc"}}', 'true'],
  ['variables', '{{$x := .Id}}{{$x}}{{$x = "y"}}{{$x}}', 'abcy'],
  [
    'join, split, upper, title',
    '{{join .Config.Env ","}} {{index (split "a:b" ":") 1}} {{upper "a"}} {{title "ab cd"}}',
    'A=1,B=2 b A Ab Cd',
  ],
  ['printf', '{{printf "%-5s|%03d|%q|%v|%%" .Id .Count "x" true}}', 'abc  |003|"x"|true|%'],
  ['println and print', '{{println "a" 1}}{{print "b" 2}}', 'a 1\nb 2'],
  ['raw strings and escapes', '{{`a\\n`}}{{"b\\n"}}', 'a\\nb\n'],
  ['trim markers', 'a \n {{- .Id -}} \n b', 'aabcb'],
  ['comments', 'a{{/* no {{ }} */}}b{{- /* x */ -}} c', 'abc'],
  ['len', '{{len .Config.Env}} {{len .Id}} {{len .Config.Labels}}', '2 3 2'],
  ['pad and truncate', '{{pad "x" 1 2}}|{{truncate "abcdef" 3}}', ' x  |abc'],
]

describe('a template', () => {
  for (const [rule, template, expected] of rows)
    test(rule, () => assert.equal(compileTemplate(template)(data), expected))
})

describe('a template that does not fit', () => {
  for (const [rule, template, problem] of [
    ['an open action', 'x {{.Id', /not closed/],
    ['an open block', '{{if .Id}}x', /no \{\{end}}/],
    ['a stray end', 'x{{end}}', /without a block/],
    ['an unknown function', '{{nothing .Id}}', /function "nothing" not defined/],
    ['a wrong character', '{{.Id ;}}', /unexpected ";"/],
    ['an unknown field', '{{.Nothing}}', /no field \.Nothing \(there are: Id, Count/],
    ['a field of a text', '{{.Id.X}}', /no \.X in abc/],
    ['an unknown variable', '{{$x}}', /undefined variable "\$x"/],
    ['an index out of range', '{{index .Config.Env 9}}', /out of range/],
    ['define', '{{define "x"}}{{end}}', /not supported/],
    ['an empty action', '{{}}', /too early/],
    ['inherited properties are no fields', '{{.constructor}}{{.toString}}{{.ToString}}', /no field \.ToString/],
  ] as const) {
    test(rule, () =>
      assert.throws(
        () => compileTemplate(template)(data),
        (error: Error & { code?: string }) => error.code === 'TEMPLATE' && problem.test(error.message),
      ),
    )
  }

  test('points at the place', () => {
    assert.throws(() => compileTemplate('{{.Id}} {{.Nope}}')(data), /\n {2}\{\{\.Id}} \{\{\.Nope}}\n {12}\^$/)
  })
})
