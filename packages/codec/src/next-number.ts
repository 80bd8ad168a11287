let last = 0

/** Names a stream or a call to a worker: no two have the same number. */
export function nextNumber(): number {
  last += 1
  return last
}
