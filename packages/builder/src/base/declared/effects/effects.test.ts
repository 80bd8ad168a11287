import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { memoryRoot } from '../../test/memory-root.ts'
import { putFile, readText } from '../base-root.ts'
import { writeAccounts } from './accounts.ts'
import { writeAlternatives } from './alternatives.ts'
import { writePamProfiles } from './pam-profiles.ts'
import { subjectHash } from './subject-hash.ts'

const hostCertificates = '/etc/ssl/certs'

describe('accounts', () => {
  test('without base-passwd there are root, nobody, and who is declared, with a home', async () => {
    const root = memoryRoot()
    const users = [{ name: 'app', uid: 1000, gid: 1001, home: '/srv/app', shell: '/usr/sbin/nologin' }]
    const accounts = await writeAccounts(root, [], users)
    assert.equal(
      await readText(root, 'etc/passwd'),
      'root:*:0:0:root:/root:/usr/sbin/nologin\nnobody:*:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\napp:*:1000:1001::/srv/app:/usr/sbin/nologin\n',
    )
    assert.equal(await readText(root, 'etc/group'), 'root:*:0:\nnogroup:*:65534:\napp:*:1001:\n')
    assert.equal(root.tree.get('srv/app')?.header.uid, 1000)
    assert.equal(root.tree.has('etc/shadow'), false)
    assert.deepEqual(accounts.find('app'), { uid: 1000, gid: 1001 })
    assert.deepEqual(accounts.find('7:8'), { uid: 7, gid: 8 })
    assert.equal(accounts.find('unknown'), undefined)
  })

  test('accounts of scripts and of sysusers.d get free numbers, each once', async () => {
    const root = memoryRoot()
    putFile(
      root,
      'usr/share/base-passwd/passwd.master',
      'root:*:0:0:root:/root:/bin/bash\n_apt:*:100:65534::/nonexistent:/x\n',
    )
    putFile(root, 'usr/share/base-passwd/group.master', 'root:*:0:\nnogroup:*:65534:\n')
    putFile(root, 'usr/bin/passwd', '')
    putFile(
      root,
      'usr/lib/sysusers.d/x.conf',
      '# x\nu messagebus - "System bus" /run\ng render - -\nm messagebus render\n',
    )
    const user = { kind: 'user', makesHome: false } as const
    await writeAccounts(
      root,
      [
        { ...user, name: 'one', group: true },
        { ...user, name: 'one' },
        { ...user, name: '_apt' },
      ],
      [],
    )
    assert.match(
      (await readText(root, 'etc/passwd')) ?? '',
      /_apt:x:100:65534::\/nonexistent:\/x\none:x:101:101::\/nonexistent:\/usr\/sbin\/nologin\nmessagebus:x:999:999:System bus:\/run:\/usr\/sbin\/nologin\n$/,
    )
    assert.match((await readText(root, 'etc/group')) ?? '', /one:x:101:\nmessagebus:x:999:\nrender:x:998:messagebus\n$/)
    assert.match((await readText(root, 'etc/shadow')) ?? '', /^root:\*:0:0:99999:7:::\n/)
    assert.equal(root.tree.get('etc/shadow')?.header.mode, 0o640)
  })
})

describe('alternatives', () => {
  test('the highest priority of what is there has its way; followers come along', async () => {
    const root = memoryRoot()
    for (const path of ['usr/bin/mawk', 'usr/bin/gawk', 'usr/share/gawk', 'usr/bin/update-alternatives'])
      putFile(root, path, '')
    const of = (path: string, priority: number, follower: string): Parameters<typeof writeAlternatives>[1][number] => ({
      kind: 'alternative',
      link: '/usr/bin/awk',
      name: 'awk',
      path,
      priority,
      followers: [{ link: '/usr/share/awk', name: 'awkdir', path: follower }],
    })
    writeAlternatives(root, [
      of('/usr/bin/mawk', 5, '/usr/share/mawk'),
      of('/usr/bin/gawk', 10, '/usr/share/gawk'),
      of('/usr/bin/none', 99, '/x'),
    ])
    assert.equal(root.tree.get('usr/bin/awk')?.header.linkPath, '/etc/alternatives/awk')
    assert.equal(root.tree.get('etc/alternatives/awk')?.header.linkPath, '/usr/bin/gawk')
    assert.equal(root.tree.get('etc/alternatives/awkdir')?.header.linkPath, '/usr/share/gawk')
    assert.equal(
      await readText(root, 'var/lib/dpkg/alternatives/awk'),
      'auto\n/usr/bin/awk\nawkdir\n/usr/share/awk\n\n/usr/bin/gawk\n10\n/usr/share/gawk\n/usr/bin/mawk\n5\n/usr/share/mawk\n\n',
    )
  })
})

describe('PAM profiles', () => {
  test('primary ones jump over those after them; the first in its initial form', async () => {
    const root = memoryRoot()
    putFile(
      root,
      'usr/share/pam/common-auth',
      '# head\n$auth_primary\nauth\trequisite\tpam_deny.so\n$auth_additional\n',
    )
    const profile = (priority: number, module: string): string =>
      `Name: ${module}\nDefault: yes\nPriority: ${priority}\nAuth-Type: Primary\nAuth:\n\t[success=end default=ignore]\t${module} again\nAuth-Initial:\n\t[success=end default=ignore]\t${module}\n`
    putFile(root, 'usr/share/pam-configs/a', profile(1, 'pam_a.so'))
    putFile(root, 'usr/share/pam-configs/b', profile(2, 'pam_b.so'))
    putFile(
      root,
      'usr/share/pam-configs/off',
      'Name: off\nDefault: no\nAuth-Type: Primary\nAuth:\n\trequired pam_off.so\n',
    )
    await writePamProfiles(root)
    assert.equal(
      await readText(root, 'etc/pam.d/common-auth'),
      '# head\nauth\t[success=2 default=ignore]\tpam_b.so \nauth\t[success=1 default=ignore]\tpam_a.so again\nauth\trequisite\tpam_deny.so\n',
    )
  })
})

// ISRG Root X2.
const certificate = `-----BEGIN CERTIFICATE-----
MIICGzCCAaGgAwIBAgIQQdKd0XLq7qeAwSxs6S+HUjAKBggqhkjOPQQDAzBPMQsw
CQYDVQQGEwJVUzEpMCcGA1UEChMgSW50ZXJuZXQgU2VjdXJpdHkgUmVzZWFyY2gg
R3JvdXAxFTATBgNVBAMTDElTUkcgUm9vdCBYMjAeFw0yMDA5MDQwMDAwMDBaFw00
MDA5MTcxNjAwMDBaME8xCzAJBgNVBAYTAlVTMSkwJwYDVQQKEyBJbnRlcm5ldCBT
ZWN1cml0eSBSZXNlYXJjaCBHcm91cDEVMBMGA1UEAxMMSVNSRyBSb290IFgyMHYw
EAYHKoZIzj0CAQYFK4EEACIDYgAEzZvVn4CDCuwJSvMWSj5cz3es3mcFDR0HttwW
+1qLFNvicWDEukWVEYmO6gbf9yoWHKS5xcUy4APgHoIYOIvXRdgKam7mAHf7AlF9
ItgKbppbd9/w+kHsOdx1ymgHDB/qo0IwQDAOBgNVHQ8BAf8EBAMCAQYwDwYDVR0T
AQH/BAUwAwEB/zAdBgNVHQ4EFgQUfEKWrt5LSDv6kviejM9ti6lyN5UwCgYIKoZI
zj0EAwMDaAAwZQIwe3lORlCEwkSHRhtFcP9Ymd70/aTSVaYgLXTWNLxBo1BfASdW
tL4ndQavEi51mI38AjEAi/V3bNTIZargCyzuFJ0nN6T5U6VR5CmD1/iQMVtCnwr1
/q4AaOeMSQ+2b1tbFfLn
-----END CERTIFICATE-----
`

describe('subjectHash', () => {
  test('is the one that OpenSSL finds a certificate by', () => {
    assert.equal(subjectHash(new X509Certificate(certificate).raw), '0b9bc432')
  })

  test('equals what is on this machine', { skip: existsSync(hostCertificates) ? false : 'needs certificates' }, () => {
    const names = readdirSync(hostCertificates).filter((name) => /^[0-9a-f]{8}\.\d+$/.test(name))
    for (const name of names) {
      const raw = new X509Certificate(readFileSync(join(hostCertificates, name))).raw
      assert.equal(subjectHash(raw), name.slice(0, 8), name)
    }
  })

  test('bytes that are no certificate do no harm', () => {
    for (const bytes of [[], [0x30], [0x30, 0x84, 0xff, 0xff, 0xff, 0xff], [0x30, 0x03, 0x30, 0x01, 0x30]])
      assert.match(subjectHash(Uint8Array.from(bytes)), /^[0-9a-f]{8}$/)
  })
})
