import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { resolve } from 'node:path'
import { boolean } from '../flags/flag.ts'
import { parseFlags } from '../flags/parse-flags.ts'
import { containerFlags } from './container-flags.ts'
import { toCreateBody } from './to-create-body.ts'

const flags = { ...containerFlags, detach: boolean('', { short: 'd' }) }

function bodyOf(...line: readonly string[]): object {
  const { values, args } = parseFlags(flags, line, { stopAtFirstArgument: true })
  const [image = '', ...command] = args
  return toCreateBody({ flags: values, image, command, env: { HOME: '/root', EMPTY: '' }, detach: values.detach })
}

const attached = { Image: 'img', AttachStdin: false, AttachStdout: true, AttachStderr: true }

const good: readonly [line: string, body: object][] = [
  ['img', { ...attached, HostConfig: {} }],
  ['img echo hi', { ...attached, Cmd: ['echo', 'hi'], HostConfig: {} }],
  ['-d img', { Image: 'img', AttachStdin: false, AttachStdout: false, AttachStderr: false, HostConfig: {} }],
  ['-it img', { ...attached, AttachStdin: true, Tty: true, OpenStdin: true, StdinOnce: true, HostConfig: {} }],
  ['-a stdout img', { Image: 'img', AttachStdin: false, AttachStdout: true, AttachStderr: false, HostConfig: {} }],
  ['-e A=1 -e HOME -e NOT_SET -e EMPTY img', { ...attached, Env: ['A=1', 'HOME=/root', 'EMPTY='], HostConfig: {} }],
  ['--rm --init --read-only img', { ...attached, HostConfig: { AutoRemove: true, Init: true, ReadonlyRootfs: true } }],
  [
    '-m 64m --cpus 1.5 --pids-limit 10 img',
    { ...attached, HostConfig: { Memory: 67_108_864, NanoCpus: 1_500_000_000, PidsLimit: 10 } },
  ],
  ['--userns=host img', { ...attached, HostConfig: { UsernsMode: 'host' } }],
  [
    '--userns auto:size=9,uidmapping=0:1:2 img',
    { ...attached, HostConfig: { UsernsMode: 'auto:size=9,uidmapping=0:1:2' } },
  ],
  [
    '--uidmap 0:1:2 --uidmap 2:9 --gidmap 0:3:4 -v /a:/b:idmap --mount type=bind,src=/a,dst=/c,idmap img',
    {
      ...attached,
      HostConfig: {
        IDMappings: { UidMap: ['0:1:2', '2:9'], GidMap: ['0:3:4'] },
        Binds: ['/a:/b:idmap'],
        Mounts: [{ Type: 'bind', Source: '/a', Target: '/c', BindOptions: { IDMap: true } }],
      },
    },
  ],
  ['--subuidname ann img', { ...attached, HostConfig: { IDMappings: { SubuidName: 'ann' } } }],
  ['--entrypoint sh img', { ...attached, Entrypoint: ['sh'], HostConfig: {} }],
  ['-h box -u 1:2 -w /srv img', { ...attached, Hostname: 'box', User: '1:2', WorkingDir: '/srv', HostConfig: {} }],
  ['-l a=1 -l b img', { ...attached, Labels: { a: '1', b: '' }, HostConfig: {} }],
  [
    '-p 8080:80 -p 127.0.0.1:53:53/udp -p 443 img',
    {
      ...attached,
      ExposedPorts: { '80/tcp': {}, '53/udp': {}, '443/tcp': {} },
      HostConfig: {
        PortBindings: {
          '80/tcp': [{ HostIp: '', HostPort: '8080' }],
          '53/udp': [{ HostIp: '127.0.0.1', HostPort: '53' }],
          '443/tcp': [{ HostIp: '', HostPort: '' }],
        },
      },
    },
  ],
  [
    '-p [::1]:8000-8001:80-81 img',
    {
      ...attached,
      ExposedPorts: { '80/tcp': {}, '81/tcp': {} },
      HostConfig: {
        PortBindings: {
          '80/tcp': [{ HostIp: '::1', HostPort: '8000' }],
          '81/tcp': [{ HostIp: '::1', HostPort: '8001' }],
        },
      },
    },
  ],
  [
    '-v /a:/b:ro -v ./x:/y -v data:/data -v /anon img',
    { ...attached, Volumes: { '/anon': {} }, HostConfig: { Binds: ['/a:/b:ro', `${resolve('x')}:/y`, 'data:/data'] } },
  ],
  [
    '--mount type=bind,src=/a,dst=/b,ro img',
    { ...attached, HostConfig: { Mounts: [{ Type: 'bind', Source: '/a', Target: '/b', ReadOnly: true }] } },
  ],
  [
    '--mount type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=1770 img',
    {
      ...attached,
      HostConfig: { Mounts: [{ Type: 'tmpfs', Target: '/t', TmpfsOptions: { SizeBytes: 1_048_576, Mode: 0o1770 } }] },
    },
  ],
  ['--tmpfs /t:size=1m --tmpfs /u img', { ...attached, HostConfig: { Tmpfs: { '/t': 'size=1m', '/u': '' } } }],
  ['--network web img', { ...attached, HostConfig: { NetworkMode: 'web' } }],
  ['--net=none img', { ...attached, HostConfig: { NetworkMode: 'none' } }],
  [
    '--network web --network-alias a --ip 10.1.2.3 img',
    {
      ...attached,
      HostConfig: { NetworkMode: 'web' },
      NetworkingConfig: { EndpointsConfig: { web: { Aliases: ['a'], IPAMConfig: { IPv4Address: '10.1.2.3' } } } },
    },
  ],
  [
    '--restart on-failure:3 img',
    { ...attached, HostConfig: { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 } } },
  ],
  [
    '--ulimit nofile=10:20 --sysctl net.core.somaxconn=1 img',
    {
      ...attached,
      HostConfig: { Ulimits: [{ Name: 'nofile', Soft: 10, Hard: 20 }], Sysctls: { 'net.core.somaxconn': '1' } },
    },
  ],
  [
    '--cap-add NET_ADMIN --cap-drop ALL --security-opt no-new-privileges img',
    { ...attached, HostConfig: { CapAdd: ['NET_ADMIN'], CapDrop: ['ALL'], SecurityOpt: ['no-new-privileges'] } },
  ],
  [
    '--device /dev/fuse:/dev/x:r img',
    {
      ...attached,
      HostConfig: { Devices: [{ PathOnHost: '/dev/fuse', PathInContainer: '/dev/x', CgroupPermissions: 'r' }] },
    },
  ],
  [
    '--health-cmd true --health-interval 5s img',
    { ...attached, Healthcheck: { Test: ['CMD-SHELL', 'true'], Interval: 5_000_000_000 }, HostConfig: {} },
  ],
  ['--no-healthcheck img', { ...attached, Healthcheck: { Test: ['NONE'] }, HostConfig: {} }],
  ['--add-host db:10.0.0.1 img', { ...attached, HostConfig: { ExtraHosts: ['db:10.0.0.1'] } }],
]

describe('toCreateBody', () => {
  for (const [line, body] of good) test(line, () => assert.deepEqual(bodyOf(...line.split(' ')), body))

  for (const [line, code] of [
    ['-p 99999999:1 img', 'INVALID'],
    ['-p x img', 'INVALID'],
    ['-p 1-3:4-5 img', 'INVALID'],
    ['-p 80/icmp img', 'INVALID'],
    ['--mount type=bind,target=/x img', 'INVALID'],
    ['--mount type=bind,src=/a img', 'INVALID'],
    ['--mount type=nfs,target=/x img', 'INVALID'],
    ['--mount target=/x,color=red img', 'INVALID'],
    ['--rm --restart always img', 'INVALID'],
    ['--restart sometimes img', 'INVALID'],
    ['-d -a stdout img', 'INVALID'],
    ['--ulimit nofile img', 'INVALID'],
    ['--sysctl x img', 'INVALID'],
    ['--env-file /none img', 'INVALID'],
    ['--no-healthcheck --health-cmd x img', 'INVALID'],
    ['--cpus abc img', 'USAGE'],
    ['-m 5zz img', 'USAGE'],
    ['-e =x img', 'USAGE'],
    ['-a foo img', 'USAGE'],
    ['--pull sometimes img', 'USAGE'],
  ] as const) {
    test(`refuses ${line}`, () => assert.throws(() => bodyOf(...line.split(' ')), { code }))
  }
})
