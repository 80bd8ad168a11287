import assert from 'node:assert/strict'
import { test } from 'node:test'
import { siteOf } from './site.ts'

test('siteOf gives the default root its plain names', () => {
  assert.deepEqual(siteOf({}, { uid: 0 }), {
    root: '/var/lib/gantry',
    run: '/run/gantry',
    socket: '/run/gantry/gantry.sock',
    instance: 'gantry',
  })
})

test('siteOf gives another root names of its own', () => {
  const site = siteOf({ GANTRY_ROOT: '/srv/a/' }, { uid: 0 })
  assert.match(site.instance, /^gantry-[0-9a-f]{6}$/)
  assert.equal(site.root, '/srv/a')
  assert.equal(site.run, `/run/${site.instance}`)
  assert.notEqual(siteOf({ GANTRY_ROOT: '/srv/b' }, { uid: 0 }).instance, site.instance)
})

test('siteOf without root uses the XDG directories', () => {
  const env = { HOME: '/home/ada', XDG_RUNTIME_DIR: '/run/user/1000' }
  const site = siteOf(env, { uid: 1000 })
  assert.equal(site.root, '/home/ada/.local/share/gantry')
  assert.equal(site.run, '/run/user/1000/gantry')
  assert.equal(siteOf({ ...env, GANTRY_RUN: '/x' }, { uid: 1000 }).socket, '/x/gantry.sock')
})
