import assert from 'node:assert/strict'
import { test } from 'node:test'
import { renderVerdicts } from './render-verdicts.ts'

test('renderVerdicts prints a verdict a line, and what mends it', () => {
  const text = renderVerdicts(
    [
      { topic: 'kernel', verdict: 'ok', sentence: '6.18, with overlayfs' },
      {
        topic: 'limits',
        verdict: 'warning',
        sentence: 'inotify allows 128 instances only',
        mend: 'sysctl -w fs.inotify.max_user_instances=1024',
      },
      {
        topic: 'runtime',
        verdict: 'failure',
        sentence: 'neither crun nor runc is installed',
        mend: 'apt-get install runc',
      },
    ],
    { columns: 80, colour: false },
  )
  assert.equal(
    text,
    `kernel   ok       6.18, with overlayfs
limits   warning  inotify allows 128 instances only
                  mend: sysctl -w fs.inotify.max_user_instances=1024
runtime  FAILED   neither crun nor runc is installed
                  mend: apt-get install runc

1 of 3 checks failed; 1 warning
`,
  )
})
