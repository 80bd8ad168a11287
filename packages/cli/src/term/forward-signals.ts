// What a container can be sent: everything that can be caught, but for those about this very process (CHLD, PIPE, WINCH, URG).
const forwarded: readonly NodeJS.Signals[] = [
  'SIGABRT',
  'SIGALRM',
  'SIGCONT',
  'SIGHUP',
  'SIGINT',
  'SIGIO',
  'SIGQUIT',
  'SIGTERM',
  'SIGTSTP',
  'SIGTTIN',
  'SIGTTOU',
  'SIGUSR1',
  'SIGUSR2',
  'SIGVTALRM',
  'SIGXCPU',
  'SIGXFSZ',
]

/** Calls back for every signal this process gets that belongs to the container. The returned function stops it. */
export function forwardSignals(send: (signal: NodeJS.Signals) => void): () => void {
  for (const name of forwarded) process.on(name, send)
  return () => {
    for (const name of forwarded) process.removeListener(name, send)
  }
}
