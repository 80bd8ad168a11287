import type { ExplainedStep } from '@gantry/client'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { breakCommand, renderExplanation } from './render-explanation.ts'

const id = 'ab'.repeat(32)
const step = (sequence: number, rest: Partial<ExplainedStep>): ExplainedStep => ({
  owner: `container/${id}/run/1`,
  sequence,
  kind: 'mount',
  sentence: '',
  why: '',
  command: '',
  undo: '',
  state: 'done',
  started: 0,
  duration: 2.5,
  consequence: false,
  args: {},
  ...rest,
})

test('renderExplanation tells the ledger in words, in order', () => {
  const text = renderExplanation(
    {
      id,
      name: '/web',
      image: 'localhost/app:latest',
      status: 'running',
      pid: 42,
      steps: [
        step(1, {
          owner: `container/${id}`,
          sentence: 'Made the directory /var/lib/gantry/containers/ab',
          why: 'the container keeps its configuration and log there',
          command: 'mkdir -m 700 /var/lib/gantry/containers/ab',
          undo: 'rmdir /var/lib/gantry/containers/ab',
          duration: 0.2,
        }),
        step(2, {
          sentence: 'Mounted the root filesystem',
          why: 'the layers of the image, with a writable one on top',
          command: 'mount -t overlay overlay -o lowerdir=1:2:3,upperdir=4,workdir=5 /run/gantry/rootfs/ab',
          undo: 'umount /run/gantry/rootfs/ab',
          started: 1,
        }),
        step(3, {
          sentence: 'Made a namespace for processes',
          consequence: true,
          command: 'unshare --pid',
          undo: 'umount /run/gantry/rootfs/ab',
        }),
        step(4, { sentence: 'Published port 80', state: 'undone', started: 2 }),
      ],
    },
    70,
  )
  assert.equal(
    text,
    `Container web (abababababab) of image localhost/app:latest, running,
process 42.
3 changes were made to this machine for it (5.2ms), and 1 more by the
container runtime as a part of them, in this order; they are undone
last first.

== Kept until the container is removed (container/abababababab)

  1.  Made the directory /var/lib/gantry/containers/ab
      why     the container keeps its configuration and log there
      same as mkdir -m 700 /var/lib/gantry/containers/ab
      undo    rmdir /var/lib/gantry/containers/ab
      took    0.2ms

== Made for run 1, undone when it stops (container/abababababab/run/1)

  2.  Mounted the root filesystem
      why     the layers of the image, with a writable one on top
      same as mount -t overlay overlay -o \\
              lowerdir=1:2:3,upperdir=4,workdir=5 \\
              /run/gantry/rootfs/ab
      undo    umount /run/gantry/rootfs/ab
      took    2.5ms

   ·  Made a namespace for processes
      same as unshare --pid
      undo    umount /run/gantry/rootfs/ab

  4.  Published port 80
      took    2.5ms, undone since
`,
  )
})

test('breakCommand keeps short commands and the lines of scripts', () => {
  assert.deepEqual(breakCommand('ip link add a\nip link set a up', 40), ['ip link add a', 'ip link set a up'])
})

test('renderExplanation tells a plan as one', () => {
  const text = renderExplanation(
    {
      id,
      name: '/web',
      image: 'app',
      status: 'created',
      pid: 0,
      steps: [step(1, { owner: 'host/network', sentence: 'Make the firewall table', state: 'planned' })],
      weakens: ['--pid host: it sees all processes of this host'],
    },
    70,
  )
  assert.equal(
    text,
    `A run of app would make 1 changes to this machine, and 0 more would
follow from them, in this order. Nothing was done.

It makes the walls around the container thinner than they are by
default:
  - --pid host: it sees all processes of this host

== Kept for other containers too (host/network)

  1.  Make the firewall table
`,
  )
})
