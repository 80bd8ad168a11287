const most = 3

/** The errors in what CRIU wrote, the last few, without times and places in its source. */
export function errorsOf(log: string): string {
  const errors = log
    .split('\n')
    .map((line) => /Error \([^)]*\): (.*)$/.exec(line)?.[1]?.trim() ?? '')
    // Of every run in which it may not raise its own limits; harmless.
    .filter((text) => text !== '' && !text.startsWith('rlimit: '))
  return [...new Set(errors)].slice(-most).join('; ').slice(0, 1024) || 'it gave no reason'
}
