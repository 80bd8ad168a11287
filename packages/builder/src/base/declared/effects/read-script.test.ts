import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readScript } from './read-script.ts'

const rows: readonly [why: string, script: string, effects: readonly object[], rest: readonly string[]][] = [
  ['the frame of a script does nothing', '#!/bin/sh\nset -e\ncase "$1" in\nconfigure)\n;;\nesac\nexit 0\n', [], []],
  [
    'snippets of debhelper for services do nothing',
    '# Automatically added by dh_installsystemd/13.11\nif [ "$1" = "configure" ]; then\n  strange thing\nfi\n# End automatically added section\n',
    [],
    [],
  ],
  [
    'unknown snippets are read like the rest',
    '# Automatically added by dh_installnss/1.7\nsed -i s/a/b/ /etc/nsswitch.conf\n# End automatically added section\n',
    [],
    ['sed -i s/a/b/ /etc/nsswitch.conf'],
  ],
  [
    'alternatives, over several lines, with followers',
    'update-alternatives --quiet --install /usr/bin/awk awk /usr/bin/mawk 5 \\\n  --slave /usr/bin/nawk nawk /usr/bin/mawk\n',
    [
      {
        kind: 'alternative',
        link: '/usr/bin/awk',
        name: 'awk',
        path: '/usr/bin/mawk',
        priority: 5,
        followers: [{ link: '/usr/bin/nawk', name: 'nawk', path: '/usr/bin/mawk' }],
      },
    ],
    [],
  ],
  [
    'a system user',
    'adduser --force-badname --system --home /nonexistent \\\n --no-create-home --quiet _apt || true\n',
    [{ kind: 'user', name: '_apt', makesHome: false, home: '/nonexistent' }],
    [],
  ],
  [
    'a system user with a group and a comment',
    'adduser --system --group --home /var/lib/x --gecos "The X daemon" x >/dev/null\n',
    [{ kind: 'user', name: 'x', makesHome: true, group: true, home: '/var/lib/x', comment: 'The X daemon' }],
    [],
  ],
  ['a user whose name is not known here', 'adduser --system "$USER"\n', [], ['adduser --system "$USER"']],
  ['an ordinary user', 'adduser somebody\n', [], ['adduser somebody']],
  ['a group', 'addgroup --system --gid 101 ssl-cert\n', [{ kind: 'group', name: 'ssl-cert', gid: 101 }], []],
  ['a member', 'adduser www-data ssl-cert\n', [{ kind: 'member', user: 'www-data', group: 'ssl-cert' }], []],
  [
    'useradd',
    'useradd -r -g daemon -d / -s /bin/false x\n',
    [{ kind: 'user', name: 'x', makesHome: false, group: 'daemon', home: '/', shell: '/bin/false' }],
    [],
  ],
  ['a shell', 'add-shell /usr/bin/zsh\n', [{ kind: 'shell', path: '/usr/bin/zsh' }], []],
  [
    'commands that are not understood are told',
    'make-ssl-cert generate-default-snakeoil\n',
    [],
    ['make-ssl-cert generate-default-snakeoil'],
  ],
  [
    'what is done on upgrades only is not',
    'if [ "configure" = "$1" -a "x$2" != "x" ]; then\ny\nfi\nif [ "$1" = configure ] && [ -n "$2" ]; then\nif x; then\nrm -rf /etc/y\nfi\nrm z\nfi\nkeep this\n',
    [],
    ['keep this'],
  ],
  [
    'a condition with another side is',
    'if [ -n "$2" ] || [ -e /x ]; then\nrm z\nfi\n',
    [],
    ['if [ -n "$2" ] || [ -e /x ]; then', 'rm z'],
  ],
  ['functions that nobody calls are not', 'clean () {\nrm x\n}\n', [], []],
  ['functions that are called are', 'clean () {\nrm x\n}\nclean\n', [], ['clean () {', 'rm x', 'clean']],
  ['two commands on a line are not taken for one', 'add-shell /bin/x; rm y\n', [], ['add-shell /bin/x; rm y']],
  ['nor is the output of a program', 'add-shell `which x`\n', [], ['add-shell `which x`']],
]

describe('readScript', () => {
  for (const [why, script, effects, rest] of rows) {
    test(why, () => assert.deepEqual(readScript(script), { effects, rest }))
  }
})
