import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Change } from '../ledger/change.ts'
import { builtInDoors } from './built-in-doors.ts'
import { cgroup } from './cgroup.ts'
import { directory } from './directory.ts'
import { file } from './file.ts'
import { firewallRule } from './firewall-rule.ts'
import { address, linkUp, route } from './inside-link.ts'
import { additionOf, insideRemovalOf } from './ip-lines.ts'
import { bridge, netns, sublink, veth } from './link.ts'
import { mount } from './mount.ts'
import { nftElement, nftTable } from './nft.ts'
import { spawned } from './process.ts'
import { shellWords } from './shell-quote.ts'
import { sysctl } from './sysctl.ts'
import { users } from './users.ts'

const rows: readonly (readonly [change: Change, command: RegExp, undo: RegExp])[] = [
  [
    directory({ path: '/a', mode: 0o700, children: ['b'] }, ''),
    /^mkdir -p -m 700 \/a \/a\/b$/,
    /^rm -r --one-file-system \/a$/,
  ],
  [directory({ path: '/a', keepContent: true }, ''), /^mkdir/, /^rmdir \/a$/],
  [file({ path: '/a b', content: "it's" }, ''), /^printf %s 'it'\\''s' > '\/a b'$/, /^rm '\/a b'$/],
  [mount({ source: '/a', target: '/b', flags: ['bind', 'ro'] }, ''), /^mount -o bind,ro \/a \/b$/, /^umount \/b$/],
  [
    mount({ source: 'overlay', target: '/b', type: 'overlay', data: 'lowerdir=1', directory: '/s' }, ''),
    /^\(cd \/s && mount -t overlay -o lowerdir=1 overlay \/b\)$/,
    /^umount \/b$/,
  ],
  [
    mount({ source: '/a', target: '/b', flags: ['bind'], owners: '/u' }, ''),
    /^mount -o bind,X-mount.idmap=\/u \/a \/b$/,
    /^umount \/b$/,
  ],
  [
    mount(
      { source: 'overlay', target: '/b/c', type: 'overlay', data: 'lowerdir=1', directory: '/s', owners: '/u' },
      '',
    ),
    /^\(cd \/s && mount -t overlay -o X-mount.idmap=\/u,lowerdir=1 overlay \/b\/c\)$/,
    /^umount \/b\/c$/,
  ],
  [
    users({ path: '/u', uids: [{ inside: 0, outside: 7, size: 9 }], gids: [{ inside: 0, outside: 8, size: 1 }] }, ''),
    /^touch \/u && unshare --user=\/u --map-users=7,0,9 --map-groups=8,0,1 true$/,
    /^umount \/u && rm \/u$/,
  ],
  [
    netns({ name: 'n', users: '/u' }, ''),
    /nsenter --user=\/u unshare --net=\/run\/netns\/n ip link/,
    /^ip netns del n$/,
  ],
  [netns({ name: 'n' }, ''), /^ip netns add n && ip -n n link set lo up$/, /^ip netns del n$/],
  [
    veth({ name: 'v', peer: 'eth0', netns: 'n', mac: '02:00:00:00:00:01', bridge: 'b', hairpin: true }, ''),
    /^ip link add v type veth peer name eth0 address 02:00:00:00:00:01 netns n && ip link set v master b up && ip link set v type bridge_slave hairpin on$/,
    /^ip link del v$/,
  ],
  [bridge({ name: 'b', mtu: 1400 }, ''), /^ip link add b mtu 1400 type bridge && ip link set b up$/, /^ip link del b$/],
  [
    address({ link: 'eth0', cidr: 'fd00::2/64', netns: 'n' }, ''),
    /^ip -n n address add fd00::2\/64 dev eth0 nodad$/,
    /^ip -n n address del/,
  ],
  [
    address({ link: 'b', cidr: '10.0.0.1/24' }, ''),
    /^ip address add 10.0.0.1\/24 dev b$/,
    /^ip address del 10.0.0.1\/24 dev b$/,
  ],
  [linkUp({ link: 'eth0', netns: 'n' }, ''), /^ip -n n link set eth0 up$/, /down$/],
  [
    route({ via: '10.0.0.1', netns: 'n' }, ''),
    /^ip -n n route add default via 10.0.0.1$/,
    /^ip -n n route del default via/,
  ],
  [sysctl({ key: 'net.ipv4.ip_forward', value: '1' }, ''), /^sysctl -w net.ipv4.ip_forward=1$/, /^sysctl/],
  [
    nftTable({ family: 'inet', table: 't', rules: 'set s {}' }, ''),
    /^nft -f - <<'END'\ntable inet t \{\nset s \{\}\n\}\nEND$/,
    /^nft delete table inet t$/,
  ],
  [
    nftElement({ family: 'inet', table: 't', map: 'm', key: 'tcp . 80', value: '10.0.0.2 . 80' }, ''),
    /^nft add element inet t m '\{ tcp \. 80 : 10\.0\.0\.2 \. 80 \}'$/,
    /^nft delete element inet t m '\{ tcp \. 80 \}'$/,
  ],
  [
    firewallRule({ tool: 'iptables', chain: 'DOCKER-USER', rule: ['-i', 'b', '-j', 'ACCEPT'] }, ''),
    /^iptables -w -t filter -I DOCKER-USER -i b -j ACCEPT$/,
    /-D DOCKER-USER/,
  ],
  [
    sublink({ name: 'eth0', parent: 'lan0', netns: 'n', type: 'macvlan', mode: 'bridge' }, ''),
    /^ip link add link lan0 name eth0 netns n type macvlan mode bridge$/,
    /^ip (-n n|netns exec n ip) link del eth0$/,
  ],
  [cgroup({ path: '/gantry/1' }, ''), /^mkdir -p \S*\/gantry\/1/, /^rmdir \S*\/gantry\/1/],
  [
    spawned({ what: 'the monitor', command: ['conmon', '-c', 'x'], pid: 12, startTime: '3' }, ''),
    /^conmon -c x$/,
    /^kill -KILL 12$/,
  ],
]

test('every door says what it does, and gives the equivalent shell commands', () => {
  const doors = new Map(builtInDoors.map((door) => [door.kind, door]))
  for (const [change, command, undo] of rows) {
    const description = doors.get(change.kind)?.describe(change.args)
    assert.match(description?.command ?? '', command)
    assert.match(description?.undo ?? '', undo)
    assert.match(description?.sentence ?? '', /^[A-Z].*[^.]$/)
  }
  assert.deepEqual(new Set(rows.map(([change]) => change.kind)), new Set(doors.keys()))
})

test('no argument can smuggle a second line or option into a batch of ip', () => {
  for (const name of ['a\nlink del eth0', 'a;b', '', '-batch\t', 'a"b']) {
    assert.throws(() => additionOf('bridge', { name }), RangeError, JSON.stringify(name))
    assert.throws(() => insideRemovalOf('address', { link: name, cidr: '10.0.0.1/24' }), RangeError)
  }
})

test('no argument can smuggle a second command into a transaction of nft', () => {
  const door = builtInDoors.find((each) => each.kind === 'nft-element')
  const element = { family: 'inet', table: 't', map: 'm', key: 'tcp . 80' }
  for (const key of ['tcp . 80', '"gantry0" . "gantry0"', '10.88.0.0/16', 'fd00::1']) {
    assert.equal(door?.observe?.({ ...element, key }), undefined)
  }
  for (const key of ['80 }\ndelete table x', '80 }; flush ruleset', '"', '"a b"', '"a']) {
    assert.throws(() => door?.observe?.({ ...element, key }), RangeError)
  }
})

test('shellWords quotes what a shell would take apart', () => {
  assert.equal(shellWords('a', 'b c', "d'e", '', '$x', 'k=v'), `a 'b c' 'd'\\''e' '' '$x' k=v`)
})
